/**
 * The steps between the end of the user's speech and the reply, from a `latency` message, in the order in which they
 * follow each other: [{name, ms}]. Steps that did not happen are left out.
 */
export function latencySteps(message) {
  const ends = [
    ["endpoint", message.endpoint_ms],
    ["recognition", message.final_ms],
    ["model", message.first_token_ms],
    ["voice", message.first_audio_ms],
  ];
  const steps = [];
  let before = 0;
  for (const [name, end] of ends) {
    if (end === undefined) continue;
    steps.push({ name, ms: Math.max(0, end - before) });
    before = Math.max(before, end);
  }
  return steps;
}
