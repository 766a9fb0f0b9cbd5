"""Sentence patterns of a telephone line: requests, digits, dates, money, names, confirmation.

A leading ``*`` marks a held-out pattern: evaluated, never trained on. Its words occur in trained patterns.
"""

TELEPHONE = """
I want to {request}.
I'd like to {request}[| please].
I would like to {request}.
I need to {request}[| today| as soon as possible].
I'm calling to {request}.
I'm calling about [my {account_number}|my order|my bill|an invoice|the {event}].
* I am calling because I want to {request}.
[Can|Could|May] I {request}[|, please]?
Can you help me [to|] {request}?
* Could you help me {request}, please?
How [can|do] I {request}?
* Is it possible to {request}?
[Please help me|I need help] to {request}.
Please connect me [to|with] {department}.
[Can|Could] you connect me [to|with] {department}?
I want to [speak|talk] to [{department}|{person}|someone else|a person].
* Put me through to {department}, please.
Put me through to {person}[| please].
[Agent|Operator|Representative|Main menu|Customer service|Technical support|Billing|Sales].
I have a [problem|question] [with|about] my [order|bill|account|card|phone|internet|booking|invoice].
* There is a problem with my [order|bill|account|card|phone].
Hello, {problem}.
I'm calling because {problem}.
{problem}.
{problem} and I want to {request}.
* I have a problem, {problem}.
My [order|package|refund|card|ticket] [never arrived|is late|is wrong|has not arrived yet].
Where is my [order|package|refund|card|invoice|ticket]?
When will my [order|package|refund|card] arrive?
* When can I expect my [package|refund|card]?
I ordered [a phone|{number:2-9} tickets|shoes|a printer|a book] [last week|yesterday|{day}|on {date}].
I [sent|returned|paid] it [last week|yesterday|on {date}|on {weekday}].
I have been waiting for [{duration}|{number:2-9} days|a long time|two weeks].
* I have waited more than {duration}.
I waited [{duration}|all day] for [{name}|the package|the bus].
I want my money back.
I expect [a refund|the package|a call|{name}] {day}.
I want to fly to {city} {day}.
I [was|have been] charged {money}[| twice| by mistake| on {date}].
You charged me {money}[| twice| on {date}].
* Why was I charged {money}?
Why is my bill so high?
What is [the status of my order|my balance|my account balance|the price|your address|the total]?
[Can|Could] you send me [an email|the invoice|a new card|the details|a message]?
* Please send the invoice to my email address.
[Can|Could] you [check|change|cancel|confirm] my [order|booking|reservation|appointment|address]?
Please [check|change|cancel|confirm|update] my [order|booking|reservation|appointment|address].
I'd like to [book|reserve] a [table|room] for {number:2-12}[| people] {day}.
I'd like to book a [flight|ticket|train] [to {city}|from {city} to {city}] {day}.
* I would like a room for {number:2-9} nights.
I need a room for {number:2-9} [nights|people].
I need a [taxi|doctor|new card|receipt|table for {number:2-9}] [please|{day}|at {clock}].
I'd like to make an appointment [with {title_name}|for {day}|on {date}|at {clock}].
* I need an appointment with {title_name} {day}.
Is [{title_name}|{name}] [there|available|in the office] [today|{day}|]?
Can I speak to {person}[|, please]?
This is {full_name} [speaking|calling|from {city}].
* You are speaking with {full_name}.
Please [leave|take] a message [for {person}|].
Please tell {person} to call me back[| at {clock}| {day}].
Call me back [later|{day}|at {clock}|on my mobile|in {duration}].
* Please ask {name} to call me {day}.
I will call [back|again] [later|{day}|at {clock}].
I am [not|] available [{day}|at {clock}|after {clock}|before {clock}].
The line is [very bad|busy|noisy|dead].
[Can|Could] you speak [up|louder|more slowly|a little louder]?
I can't hear you[| very well].
* I can hardly hear you, [please speak up|the line is bad].
I can hardly hear you.
Please hold the line[| for a moment].
One moment[|,] please.
""".strip().splitlines()

DIGITS = """
{digits:3-4}.
{digits:4-6}.
{digits:5-8}.
{digits:7-10}.
{digits:3-3}, {digits:3-3}, {digits:4-4}.
{digits:3-3}, {digits:4-4}.
{digits:1-2}.
My {account_number} number is {digits:4-8}.
[The|Your] {account_number} number is {digits:3-6}.
My phone number is {digits:3-3}, {digits:3-3}, {digits:4-4}.
My number is {digits:7-10}.
* My {account_number} number, it is {digits:4-7}.
* You can reach me at {digits:3-3}, {digits:4-4}.
The [code|number|confirmation code|security code|last four digits] is {digits:4-6}.
[It is|It's|That's|That is] {digits:3-7}.
* The last four digits are {digits:4-4}.
Extension {digits:2-4}.
My [zip code|pin|password|member number] is {digits:4-5}.
Call [{digits:3-3}, {digits:4-4}|me at {digits:7-7}].
Dial {digits:3-10}.
* Please dial {digits:3-3}, {digits:4-4}.
[Flight|Room|Order|Bus|Extension|Gate|Ticket] {digits:2-4}.
[Flight|Room|Order|Ticket] number {digits:2-4}.
The number you can reach me at is {digits:7-7}.
""".strip().splitlines()

DATE_TIME = """
{date}.
{weekday}, {date}.
[On|It's on|It was on] {date}.
{date}, {year}.
My [birthday|date of birth] is {date}[|, {year}].
I was born on {date}, {year}.
I was born in {year}.
* My date of birth, {date}, {year}.
{day} at {clock}.
[At|Around|About|Before|After|Until] {clock}.
[On|Next|This] {weekday} [morning|afternoon|evening|night].
[From|Between] {clock} [to|and] {clock}.
* Any time between {clock} and {clock}.
{weekday} [or|and] {weekday}.
[In|For|About] {duration}.
The [appointment|meeting|flight|train] is {day}[| at {clock}].
The [flight|train|bus|taxi] [leaves|arrives] at {clock}[| {day}].
* My appointment is at {clock} {day}.
[How about|What about] {day}[| at {clock}]?
Does {day} at {clock} work for you?
* Are you free {day} at {clock}?
Are you free {day}?
Is {day} [okay|possible|free]?
{day} is [fine|better|perfect|not possible|too late|okay for me].
* I am free {day} after {clock}.
I'm free [{day}|after {clock}|all day].
I prefer [{day}|{weekday}|the morning|the afternoon|{clock}].
It [is|was] {clock}.
[The {ordinal:1-31}|The first|The last] of [this|next] month.
In [{year}|the summer|the winter|the spring].
""".strip().splitlines()

MONEY = """
{money}.
[It costs|It cost|That's|It is|The price is|The total is|The amount is|I paid] {money}.
The amount is {money}, not {money}.
* The total amount was {money}.
{number:1-100} percent.
[Pay|Send|Transfer] {money} to {person}.
[Pay|Send|Transfer] {money} [to|from] my [savings|] account.
I want to [pay|send|transfer] {money}[| to {person}].
Send {name} {money} for [lunch|dinner|the tickets|the taxi].
* I need to transfer {money} to {person} {day}.
I [owe|gave|paid] {name} {money}[| for dinner].
How much is it? [About|Is it] {money}?
[About|Around|More than|Less than] {money}.
* It was less than {money}.
My balance is {money}.
The [ticket|room|taxi|bill|flight] [costs|was|is] {money}.
* The bill for the [room|taxi|flight] is {money}.
Can I pay [{money} now|by card|in cash|{money} in cash]?
{number:10-999}.
{number:100-99999}.
I'd like to withdraw {money}.
* {money} is too much.
That is too [much|expensive].
""".strip().splitlines()

NAMES = """
{full_name}.
{name}.
{name} {surname}, {digits:2-4}.
My name is {name}.
My name is {full_name}.
My first name is {name}[| and my last name is {surname}].
My last name is {surname}.
* The name is {surname}, {full_name}.
[I'm|I am|It's|This is] {full_name}.
[It's|This is] {name}[| calling| from {city}| from work].
Her name is {name}[| {surname}].
His name is {name}[| {surname}].
* The name of my {relative} is {full_name}.
The [booking|reservation|account|order] is [under|for] {full_name}.
* The reservation is under the name {surname}.
{title_name}.
I'm looking for {title_name}.
* I have an appointment with {title_name} at {clock}.
I live at {number:1-199} {street}[|, {city}| in {city}].
My address is {number:1-199} {street}.
* Send it to {number:1-199} {street}, {city}.
It's [in|near] {city}.
From {city} to {city}.
{city}, {country}.
I'm [from|in|flying to] [{city}|{country}].
* I want to fly from {city} to {city}.
""".strip().splitlines()

CONFIRMATION = """
[Yes|No|Okay|Sure|Right|Maybe|Correct|Exactly|Perfect|Thanks|Great|Sorry|Really].
Yes, [please|that's right|that is correct|I am|I do|of course|it is|I did|go ahead].
No, [thank you|thanks|not yet|I don't|I'm not|not really|it isn't|that's wrong|not today].
* No, that is not what I said.
[That's|That is] [right|correct|wrong|not right|not correct|fine|perfect|okay|all|what I want].
* Yes, that is exactly what I want.
Thank you[| very much| so much].
Thank you for your help[|, {name}].
Thanks [a lot|for calling|for your help|for the information].
* Thank you very much for calling.
You're welcome.
[Excuse me|I'm sorry|Pardon|I beg your pardon].
I'm sorry, [I don't understand|what did you say|can you repeat that|that's my mistake|I made a mistake].
* Sorry, could you say that again, please?
[Please|Can you|Could you] [repeat that|say that again|speak more slowly|wait a moment][|, please].
[Of course|No problem|All right|Sounds good|I agree|Go ahead|Not really|I'm not sure|I don't know|I see].
No, [sorry|wait|actually], [I mean|I meant|it's|make it] {duration}.
No, [I said|I meant|it is] {number:1-99}, not {number:1-99}.
No, not {weekday}, {weekday}.
No, not {name}, {name}.
* I said {weekday}, not {weekday}.
I said {name}, not {name}.
Actually, make that [{clock}|{number:1-20}|{weekday}|{duration}].
Sorry, I [meant|said] [{clock}|{weekday}|{name}|the {room}|{city}].
* I'm sorry, I meant {weekday}.
Wait, [not yet|that's wrong|I have a question|one more thing|I need a minute].
[Change|Cancel|Forget] that[|, please].
* Never mind, forget it.
Never mind[|, I found it|, thank you].
That's not what I [meant|said|wanted|asked].
[One|Just a] [moment|minute|second][|,] please.
Hold on[| a minute| a second|, please].
Let me [think|check|see|think about it].
* Let me check my calendar.
Let me check [that|the date|my {account_number} number].
Yes, [call|send] [me|it] [today|{day}|again].
No, that's all[|, thank you|, thanks][|, goodbye].
* No, that will be all, thank you.
That will be all[|, thank you].
Is that [right|correct|okay|all]?
Are you [sure|there|still there|ready]?
What did you say?
Yes, I'm [sure|here|ready|still here].
* Yes, I am still here.
[Okay|Great|Perfect|Good], [thank you|thanks|let's do that|that's fine|go ahead].
The [first|second|third|last] one[|, please].
[Both|Neither|None of them|All of them|Either one|The other one].
* I want the [second|third|last] one.
I want the [first|other] one.
I'll take [it|both|the {ordinal:1-4} one].
That's enough[|, thank you].
Stop[|, please|, that's enough|, that's wrong].
""".strip().splitlines()
