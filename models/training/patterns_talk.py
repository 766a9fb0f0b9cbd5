"""Sentence patterns of an assistant at home: questions and small talk.

A leading ``*`` marks a held-out pattern: evaluated, never trained on. Its words occur in trained patterns.
"""

QUESTION = """
What time is it[| now| in {city}]?
What is the time[| in {city}]?
What time is it in [{country}|{city}] right now?
* Do you know what time it is in {city}?
What day is [it|it today|today]?
What is the date [today|tomorrow|on {weekday}]?
* What day of the week is {date}?
How many days [until|are there until] {date}?
How long until {clock}?
How much time is left[| on the timer]?
When does the timer [end|stop]?
What is the weather like [today|tomorrow|in {city}|{day}]?
What's the weather [today|in {city}|like in {city}|{day}]?
How is the weather in {city}[| {day}]?
What will the weather be [tomorrow|in {city}|{day}]?
* What's the weather going to be like {day} in {city}?
Will it {weather} {day}?
Will it {weather} in {city}[| {day}]?
Is it going to {weather} {day}?
* Is it going to {weather} in {city} {day}?
How [cold|hot|warm] is it [outside|in {city}|in the {room}|today]?
What is the temperature [outside|in the {room}|in {city}]?
Do I need [an umbrella|a coat|a jacket] {day}?
* Should I take [an umbrella|a jacket] with me {day}?
What is {number:2-99} [plus|minus|times|divided by] {number:2-20}?
What's {number:2-12} [plus|minus|times|divided by] {number:2-12}?
How much is {number:2-99} [plus|minus|times|divided by] {number:2-20}?
* Can you tell me what {number:2-20} times {number:2-20} is?
What is {number:1-100} percent of {number:10-900}?
What is half of {number:2-200}?
How much is {money} in [dollars|euros|pounds]?
* How many [dollars|euros|pounds] is {money}?
How many [minutes|hours|seconds|days] are [in|there in] {number:1-20} [hours|days|weeks]?
How many [people|students] live in {city}?
* How many people are there in {country}?
What is the capital of {country}?
What is the largest city in {country}?
* Which city is the capital of {country}?
Where is [{city}|{country}|the nearest {shop}|my phone|{name}|the {place}]?
Where can I [buy|find|get] {food}?
Where is the [nearest|best|cheapest] {shop}[| in {city}]?
* Is there a {shop} near the {place}?
Is there a {shop} [nearby|near here|in {city}]?
How far is it to {article_place}?
How far is {city} from {city}?
How long does it take to [get|drive|walk] to {article_place}?
* How long is the drive from {city} to {city}?
How do I get to {article_place}[| from here]?
When does the [next|last|first] [bus|train|flight] [leave|arrive|to {city} leave]?
What time does the {shop} [open|close][| {day}]?
* When does the {shop} close {day}?
When does the {shop} open?
Is the {shop} [open|closed] [now|{day}]?
What is on my calendar [{day}|for {day}]?
What's [next|] on my [calendar|list|shopping list]?
Do I have any [meetings|messages|appointments|emails|reminders|calls] {day}?
* What meetings do I have {day}?
When is my [next|first|last] {event}?
What time is my {event} [with {person}|{day}]?
* When is my {event} with {person}?
Who is [coming|coming to dinner|calling|at the door|in the {room}]?
Who is the [president|king|queen] of {country}?
Who [wrote|made] [this|that|this book|this song]?
What is this song [called|]?
What song is this?
What is playing [now|right now|in the {room}]?
How old is {name}?
How [tall|old|big|fast|heavy] is [an elephant|a tiger|a whale|a horse|the moon]?
How fast can a [horse|dog|tiger|bird] run?
What does a {animal} eat?
* How big is a {animal}?
How do you say [hello|good morning|thank you|goodbye] in {language}?
* What is the {language} word for [hello|water|bread|friend]?
What does this word mean?
How do you spell [{name}|{city}|{surname}]?
How do I [cook|make] {food}?
How long do I [cook|need to cook] [the|] {food}?
* How long should I cook the {food}?
Are the lights on in the {room}?
Is the {device} [on|off]?
Is the {device} in the {room} [on|off]?
Did I [lock|close] the {door}?
Did I turn off the {device}?
* Did you turn off the {device} in the {room}?
Is the {door} [open|closed|locked]?
What can you do[| for me]?
What is [new|in the news|the news today|happening in {city}|on the menu]?
What do you know about {topic}?
What do you think about {topic}?
* Can you tell me something about {topic}?
Why is the [sky blue|sea blue|grass green|moon white]?
Can you [help me|hear me|repeat that|say that again|speak more slowly|wait a minute]?
[Can|Could] you turn [on|off] the {device}?
[Can|Could|Would] you [please|] set [a timer for {duration}|an alarm for {clock}]?
[Can|Could|Would] you [please|] call {person}?
* Could you please turn the {device} [on|off] in the {room}?
[Can|Could] you add {food} to [my|the] list?
[Can|Could] you remind me to {chore}?
[Can|Could] you play [some|] {genre} music?
[Can|Could] you book a [table|flight|room] {day}?
* Would you remind me to {chore} at {clock}?
[Can|May] I [ask you a question|have some {food}|speak to {person}]?
Do you have any [questions|news|ideas|{food}]?
Do we [have|need] [any|more] {food}?
* Do we have enough {food} at home?
Do you like [{genre} music|{food}|{topic}|{city}]?
Did {name} [call|write|send a message|arrive][| today]?
* Has {name} called [today|yet]?
Has [the package|{name}|the mail] arrived[| yet]?
How much [does|did] the [flight|ticket|hotel|taxi] to {city} cost?
How much is a [ticket|flight|taxi|room] [to|in] {city}?
What is the [price|phone number|address] of the {shop}?
* What is the cheapest flight to {city}?
What is the cheapest [way to get to {city}|hotel in {city}|{shop} near me]?
Which [bus|train] goes to {article_place}?
What happened [today|in {country}|in {year}|in {city}]?
Who won the [game|football game|election][| {day}]?
What was [the score|the weather yesterday|my last order]?
""".strip().splitlines()

SMALL_TALK = """
[Hello|Hi|Hey][| there].
Good [morning|afternoon|evening|night][|, {name}].
[Hello|Hi], [this is {name}|my name is {name}|{name} here].
How are you[| today| doing| feeling today]?
I am [fine|very well|{feeling}|doing well], [thank you|thanks][| for asking].
* I'm doing fine, thanks, and how are you?
I'm [very|so|a little|really|] {feeling}[| today| right now].
[Nice|Good|Great] to [meet|see|hear from|hear] you[| again|, {name}].
What is your name?
What's your [name|favorite color|favorite food|favorite song]?
* Tell me your name, please.
Who are you?
Where are you from?
I am from [{city}|{country}].
[I live|My {relative} lives|{name} lives] in [{city}|{country}|a house|a big city][| with my {relative}].
* My {relative} is from {country} and lives in {city}.
My {relative} is [called {name}|from {country}|at work|coming {day}|a doctor|a teacher|very {feeling}].
I have [a {animal}|{number:2-5} children|a {relative} in {city}|a {event} {day}].
I like [{food}|{genre} music|{topic}|to cook|to travel|reading|swimming].
I don't like [{food}|{topic}|the rain|{genre} music].
* I really like {genre} music and {topic}.
I love [{food}|you|this song|{city}|the {animal}].
My favorite [color is {color}|food is {food}|city is {city}|song is this one].
I went to [{article_place}|the {place}] [yesterday|last night|last week|with my {relative}].
I am going to [{article_place}|the {place}|{city}] {day}.
* We are going to {city} {day} with {name}.
We went to [{city}|the {place}|the beach] last [week|weekend|month|summer].
I was [at the {place}|in {city}|at home|at work] [yesterday|last night|all day].
It is [very|so|really|] [cold|hot|warm|windy|nice] [today|outside|here].
It was [raining|snowing|very cold|a nice day|a long day] [today|yesterday|in {city}].
The weather is [nice|terrible|lovely|bad|beautiful] today.
* It's a beautiful day, isn't it?
I had [a long day|a bad day|a great day|{food} for lunch|{food} and {food} for breakfast].
I want to [learn {language}|go home|sleep|eat something|watch a movie|listen to {genre} music].
I would like [some {food}|some {food} and {food}|a cup of coffee|to go to {city}|to see you {day}].
I'd like a [cup of|glass of|bottle of] [tea|coffee|water|juice|milk|wine], please.
* I would like to watch a movie about {topic}.
I need [some help|a break|more time|to go now|new shoes|a new phone|your help].
I think [so|so too|it is late|we should go|it will {weather}|{name} is right|you are right].
I don't [think so|know|remember|understand|care|believe it].
* I think we need more {food}.
I hope [so|not|you are well|it will not {weather}|to see you soon].
That [is|sounds|was] [great|good|nice|funny|interesting|wonderful|terrible|strange|too bad].
That's [a good idea|very kind of you|all|it|funny|a good question|not funny].
* That sounds like a good idea.
Can you tell me a joke?
Tell me [another|one more] joke.
You are [very kind|funny|right|wrong|very helpful|the best].
What are you [doing|doing {day}|thinking about]?
What did you [do|eat|say] [today|yesterday|last night]?
* What are we having for dinner?
We are having {food} [for dinner|tonight|for lunch].
What should [I|we] [eat|cook|do|watch] [today|tonight|for dinner]?
Let's [go|eat|start|play a game|talk about {topic}|have dinner|watch a movie|listen to some music].
See you [later|soon|tomorrow|on {weekday}|next week].
[Goodbye|Bye|Bye bye|Good night][|, {name}].
* Goodbye and see you {weekday}.
Have a [nice|good|great] [day|evening|weekend|night|trip].
Take care[| of yourself].
Happy birthday[|, {name}].
It's [late|time to go|time for dinner|my birthday {day}].
Today is [{weekday}|my birthday|a holiday|the {ordinal:1-31}].
* Tomorrow is [{weekday}|my {relative}'s birthday].
My {relative}'s birthday is [{day}|on {date}].
{name} and {name} are [here|coming to dinner|at the {place}|in {city}|friends].
{name} [is|was] [at the {place}|in the {room}|in {city}|very {feeling}|late|here].
* {name} is waiting at the {place}.
I will [call you|see you|be there|come back|be home] [later|{day}|at {clock}|in {duration}].
I [can't|can] [come|sleep|hear you|find my phone|see anything|help you] [today|{day}|right now|].
We [have|had] dinner at {clock}.
""".strip().splitlines()
