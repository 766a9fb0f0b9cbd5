"""Sentence patterns of an assistant at home: commands.

A leading ``*`` marks a held-out pattern: evaluated, never trained on. Its words occur in trained patterns.
"""

COMMAND = """
[Set|Start] a timer for {duration}.
[Start|Set] the timer for {duration}.
Set [a|another] timer for {duration} [please|for the {food}|for the oven].
Stop the timer.
[Pause|Cancel|Restart|Check] the [timer|alarm].
Add {duration} to the timer.
* Start a new timer for {duration}.
Set an alarm for {clock}[| {day}].
Set [my|an] alarm [for|to] {clock}.
Wake me up at {clock}[| {day}].
Wake me up in {duration}.
[Cancel|Delete|Turn off|Change] [my|the] alarm[| for {clock}].
* Cancel my {clock} alarm.
Turn [on|off] the {device}.
Turn [on|off] the {device} in the {room}.
Turn the {device} [on|off].
Turn the {room} [lights|heater|fan|heating] [on|off].
Switch [on|off] the {device}[| in the {room}].
* Switch the {device} in the {room} [on|off].
Turn [on|off] all the lights[| in the house].
Turn [up|down] the [volume|heating|music|television|radio|brightness].
Turn [it|that|the music|the volume] [up|down][| a little| a bit].
[Dim|Change] the lights in the {room}.
Dim the {room} lights to {number:5-95} percent.
Make the lights [{color}|brighter|warmer|in the {room} {color}].
* Change the color of the {room} lights to {color}.
Set the [temperature|thermostat|heating] to {number:15-30} degrees.
Set the [volume|brightness] to {number:1-100}[| percent].
* Set the temperature in the {room} to {number:15-30} degrees.
Make it [warmer|cooler|louder|brighter|quieter][| in the {room}][| please].
Play [some|] {genre} music[| in the {room}].
Play [some {genre}|my favorite song|my favorite playlist|the news|the radio|something quiet|a different song].
Play a [song|podcast|story] about {topic}.
* Play some music for [dinner|my daughter|the party].
[Pause|Stop|Start|Resume] the [music|song|radio|movie|podcast].
[Next|Previous] song[| please].
Skip this [song|one].
Play [that|the last song] again.
[Stop|Cancel|Repeat that|Go back|Start over|Wait|Hold on|Help|Never mind|Continue|Be quiet].
Call {person}[| please].
Call {person} [at home|at work|on speaker|back].
Call the [nearest|] {shop}.
Please call {full_name} {day}.
* Make a phone call to {person}.
Answer the [phone|call].
Hang up the phone.
Send a message to {person}.
Send {name} a message[| saying I will be late].
Text {person} [that I am on my way|that I will be late|that I am at the {place}|to call me back].
Tell {person} [that I am on my way|that I will be late|that I can't come|to wait for me|that dinner is ready].
* Send a message to {name} that I am [late|on my way|at the {place}].
Read [me|] my [messages|emails|last message|new emails|calendar|shopping list].
Send an email to {person}[| about the {event}].
Remind me to {chore}.
Remind me to {chore} {day}.
Remind me to {chore} at {clock}.
Remind me to {chore} in {duration}.
* Remind me {day} to {chore}.
* Set a reminder for {clock} to {chore}.
Remind me about the {event}[| {day}].
Remind {name} to {chore}.
[Add|Put] a [{event}|reminder] [to|on] my calendar[| for {day}].
Add a {event} with {person} [to my calendar|{day}].
Schedule a {event} with {person} {day}.
Schedule a {event} [for {day}|at {clock}].
Book a {event} with {person} for {day} at {clock}.
* Schedule a {event} with {person} at {clock} {day}.
[Cancel|Move|Delete|Change] [my|the] {event}[| with {person}][| {day}].
Move the {event} [to {clock}|from {clock} to {clock}|to {weekday}].
* Move my {event} with {name} to {weekday} at {clock}.
Add {food} to [my|the] [shopping list|list].
Add {food} and {food} to [my|the] [shopping list|list].
Add {food}, {food} and {food} to my shopping list.
Put {food} on [my|the] [shopping list|list].
* Put {food} and {food} on the list.
Add {number:2-12} [bottles of|boxes of|bags of|pounds of] {food} to [my|the] [list|cart].
[Remove|Take] {food} [from|off] [my|the] shopping list.
Order [some|more|a box of|{number:2-12} bottles of] {food}[| please].
Order a [taxi|large pizza|coffee] [for {clock}|to the {place}|please].
Buy {food} [and {food}|at the supermarket|{day}].
[Open|Close|Lock|Unlock] the {door}.
[Open|Close] the {door} in the {room}.
Is the {door} [open|closed|locked]? Please [close|lock] it.
* Please check that the {door} is [closed|locked].
Take me to {article_place}.
[Navigate|Drive] to {article_place}.
Give me directions to {article_place}.
Show me the [fastest|shortest|best] way to {article_place}.
* Find the [fastest|shortest] way to {article_place}.
Find [a|the nearest|a cheap|a good] {shop}[| near me| nearby| in {city}].
Find a [{shop}|restaurant|hotel] near {article_place}.
Tell me [a joke|a story|something interesting|the news|the time|the date|about {topic}|more about {topic}].
Tell me the [weather|temperature|time] in {city}.
* Tell me what the weather is like in {city}.
Show me [my calendar|my messages|the news|the weather|the traffic|my photos|the recipe|the menu].
Show me [flights to {city}|hotels in {city}|pictures of {city}|the weather in {city}].
Show me my calendar for {day}.
Book a [table|room] for {number:2-12}[| people] {day}[| at {clock}].
Book a [flight|train|ticket|taxi] to {city} {day}.
Book a [flight|train|ticket] from {city} to {city}.
* Reserve a table for {number:2-12} {day} at {clock}.
Reserve a [table|room] for {number:2-12} people.
Find [flights|a train|a flight] from {city} to {city} {day}.
Translate this [into|to] {language}.
Say [hello|good morning|thank you|goodbye] in {language}.
Say that again [please|in {language}|more slowly].
Take a [note|message|picture|break].
Take a note, {chore}.
Write [down|] a [note|message] for {person}.
Write this down, {chore} {day}.
Delete [the last message|my last note|all my alarms|the reminder|that].
Count [from {number:1-20} to {number:20-100}|to {number:5-100}].
[Start|Stop] the [dishwasher|washing machine|coffee machine|heater] [at {clock}|in {duration}|now].
* Start the [dishwasher|washing machine|coffee machine] in {duration} please.
Tell me when [it is {clock}|the timer is done|dinner is ready|{name} is here].
Tell me how to [cook {food}|make {food}|get to {article_place}].
Wait {duration} and then [call {name}|turn off the {device}|start the {device}].
Turn off the {device} in {duration}.
Turn [on|off] the {device} at {clock}.
* Turn the {device} off at {clock}.
Turn off the {device} and [lock|close] the {door}.
Turn [on|off] the {device} and the {device}.
* Turn off everything in the {room}.
Turn off everything[| please].
Set a timer for {duration} and turn [on|off] the {device}.
""".strip().splitlines()
