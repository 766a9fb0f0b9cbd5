import assert from "node:assert/strict";
import { test } from "node:test";

import { Framer } from "../src/framer.js";
import { PlaybackQueue } from "../src/playback-queue.js";
import { Resampler } from "../src/resampler.js";

function tone(frequency, rate, seconds = 0.5) {
  return Float32Array.from({ length: rate * seconds }, (_, index) => Math.sin((2 * Math.PI * frequency * index) / rate));
}

function rms(samples) {
  const settled = samples.subarray(200, -200);
  return Math.sqrt(settled.reduce((sum, sample) => sum + sample ** 2, 0) / settled.length);
}

for (const rate of [8_000, 16_000, 32_000, 44_100, 48_000, 96_000]) {
  test(`speech passes from ${rate} to 16000 Hz, in time and at its level`, () => {
    const output = new Resampler(rate, 16_000).push(tone(1_000, rate));
    const expected = tone(1_000, 16_000);
    assert.ok(Math.abs(output.length - 8_000) < 40, `${output.length} samples`);
    const difference = output.map((sample, index) => sample - expected[index]);
    assert.ok(rms(difference) < 0.001, `rms ${rms(difference)}`);
  });
}

test("what the lower rate cannot carry is removed", () => {
  assert.ok(rms(new Resampler(48_000, 16_000).push(tone(9_500, 48_000))) < 0.001);
});

test("pieces give the same as the whole", () => {
  const input = tone(700, 44_100);
  const whole = new Resampler(44_100, 16_000).push(input);
  const resampler = new Resampler(44_100, 16_000);
  const pieces = [];
  for (let begin = 0; begin < input.length; begin += 128) {
    pieces.push(...resampler.push(input.subarray(begin, begin + 128)));
  }
  assert.deepEqual(pieces, [...whole]);
});

test("frames have 20 ms, both channels and a level", () => {
  const left = tone(1_000, 48_000, 0.2);
  const frames = new Framer(48_000, 16_000).push([left, left.map(() => 0)]);
  assert.equal(frames.length, 9);
  assert.ok(frames.every(({ samples }) => samples.length === 320));
  const peak = Math.max(...frames[4].samples);
  assert.ok(Math.abs(peak - 16_384) < 100, `peak ${peak}`);
  assert.ok(frames[4].level > 0.8 && frames[4].level < 0.9, `level ${frames[4].level}`);
  const [silence] = new Framer(16_000, 16_000).push([new Float32Array(400)]);
  assert.equal(silence.level, 0);
});

test("loud samples are limited", () => {
  const [frame] = new Framer(16_000, 16_000).push([new Float32Array(400).fill(1.5)]);
  assert.equal(Math.max(...frame.samples), 32_767);
});

test("a reply is played in order and counted", () => {
  const queue = new PlaybackQueue();
  queue.begin(7);
  queue.push(Int16Array.of(8192, 16384));
  queue.push(Int16Array.of(-16384));
  const output = new Float32Array(5);
  queue.pull(output);
  assert.deepEqual([...output], [0.25, 0.5, -0.5, 0, 0]);
  assert.deepEqual([queue.turn, queue.played, queue.isEmpty], [7, 3, true]);
});

test("a reply that is stopped fades out at once", () => {
  const queue = new PlaybackQueue();
  queue.begin(1);
  queue.push(new Int16Array(16_000).fill(10_000));
  queue.pull(new Float32Array(100));
  queue.flush();
  const output = new Float32Array(1_000);
  queue.pull(output);
  assert.ok(output[0] > output[64] && output[64] > output[120]);
  assert.ok(output.subarray(128).every((sample) => sample === 0));
});
