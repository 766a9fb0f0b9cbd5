"""The words that fill the slots of the sentence patterns. Entries may hold slots themselves."""

from collections.abc import Mapping, Sequence

from models.training.wordlists import phrases, words

_FIRST_NAMES = words(
    "Adam Alice Amanda Amy Andrew Anna Anthony Barbara Ben Brian Carlos Carol Charles Chris Claire Daniel "
    "David Diana Edward Elena Elizabeth Emily Emma Eric Ethan Frank George Grace Hannah Helen Henry "
    "Isabel Jack James Jane Jennifer Jessica John Jordan Julia Karen Kate Kevin Laura Linda Lisa Lucy "
    "Maria Mark Martin Mary Michael Nancy Nicole Oliver Olivia Patrick Paul Peter Rachel Richard Robert "
    "Rosa Ryan Samuel Sarah Sophia Steven Susan Thomas Victor Victoria Walter William"
)
_SURNAMES = words(
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Wilson Anderson Taylor Moore Jackson Martinez "
    "Thompson White Harris Clark Lewis Robinson Walker Young Allen King Wright Scott Green Baker Nelson "
    "Carter Mitchell Turner Parker Collins Murphy Cooper Morgan Patel Kim"
)
_CITIES = phrases(
    "London, Paris, Berlin, Madrid, Rome, Denver, Boston, Chicago, Dallas, Seattle, Houston, Phoenix, "
    "Portland, Atlanta, Miami, Austin, Detroit, Toronto, Vancouver, Dublin, Sydney, Tokyo, Vienna, "
    "Prague, Oslo, Amsterdam, Lisbon, Athens, Singapore, New York, Los Angeles, San Francisco, San Diego, "
    "Las Vegas, Washington, Manchester, Edinburgh"
)
_COUNTRIES = words(
    "Canada Mexico Brazil Argentina France Germany Spain Italy Portugal Ireland Scotland England Norway "
    "Sweden Denmark Poland Greece Turkey Egypt Kenya India China Japan Australia America"
)
_DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
_LANGUAGES = words("Spanish French German Italian Portuguese Japanese Chinese English Greek Dutch")
_ROOMS = phrases(
    "kitchen, bedroom, bathroom, living room, dining room, hallway, garage, office, basement, garden, "
    "guest room"
)
_DEVICES = phrases(
    "lights, light, lamp, fan, heater, television, radio, oven, alarm, camera, speaker, printer, "
    "dishwasher, washing machine, coffee machine, air conditioning, music, heating"
)
_DOORS = phrases("front door, back door, garage door, window, windows, blinds, curtains, gate")
_FOODS = words(
    "apples bananas oranges lemons strawberries potatoes tomatoes onions carrots mushrooms lettuce garlic "
    "rice pasta bread butter cheese milk cream eggs yogurt chicken beef fish bacon soup salad sugar salt "
    "flour honey coffee tea juice water wine beer chocolate cookies soap shampoo toothpaste batteries"
)
_GENRES = words("jazz rock classical country pop blues piano guitar dance relaxing folk")
_RELATIVES = words(
    "mother father mom dad brother sister wife husband son daughter uncle aunt cousin boss doctor dentist "
    "lawyer neighbor grandmother grandfather friend manager assistant teacher"
)
_PLACES = phrases(
    "airport, train station, bus stop, hospital, library, museum, beach, park, office, school, bank, gym, "
    "theater, restaurant, supermarket, pharmacy, hotel, post office, gas station, coffee shop, parking "
    "lot, city center"
)
_SHOPS = phrases(
    "bank, pharmacy, supermarket, restaurant, hotel, hospital, gas station, post office, coffee shop, "
    "library, gym, bus stop, train station, parking lot"
)
_CHORES = phrases(
    "call {person}, take my medicine, pay the rent, pay the electric bill, water the plants, pick up "
    "{name}, walk the dog, feed the cat, take out the trash, do the laundry, buy {food}, buy some {food}, "
    "check the oven, send the report, charge my phone, book a flight to {city}, go to the {place}, drink "
    "some water, clean the {room}, close the {door}, email {name}, wash the car, finish my homework, lock "
    "the {door}, renew my passport, cancel the order, order more {food}, return the library books, call "
    "the bank, prepare for the meeting, turn off the {device}, write to {person}, meet {name} at the "
    "{place}, go for a walk, practice the piano"
)
_EVENTS = phrases(
    "meeting, appointment, call, lunch, dinner, doctor's appointment, dentist appointment, interview, "
    "party, lesson, conference call, birthday party, team meeting"
)
_ACCOUNT_NUMBERS = words(
    "account phone order card member policy reference customer flight room booking ticket invoice tracking"
)
_REQUESTS = phrases(
    "check my balance, speak to an agent, talk to a representative, cancel my order, pay my bill, change "
    "my address, report a problem, make a payment, book an appointment, reset my password, track my "
    "package, return an item, close my account, open an account, update my credit card, get a refund, "
    "renew my subscription, change my flight, ask about my invoice, report a lost card, confirm my "
    "reservation, speak to a manager, talk to technical support, change my phone number, cancel my "
    "subscription, order a new card, book a room, make a reservation, change the date of my appointment, "
    "check the status of my order, open a new account, talk to someone about my bill, transfer some "
    "money, leave a message, update my email address"
)
_WEATHER = phrases(
    "rain, snow, be sunny, be cold, be windy, be hot, be cloudy, be warm, get colder, get warmer"
)
_ANIMALS = words("dog cat horse bird elephant tiger whale lion mouse")
_TOPICS = phrases(
    "the weather, the news, sports, football, history, music, science, space, cooking, travel, health, "
    "business, technology, the economy, the stock market, the election, movies, gardening"
)
_FEELINGS = phrases(
    "tired, happy, hungry, thirsty, busy, bored, fine, ready, sick, excited, lost, nervous, much better"
)
_PROBLEMS = phrases(
    "my internet is not working, my phone is broken, the package never arrived, the screen is black, I "
    "forgot my password, I lost my card, the payment failed, I was charged twice, the order is wrong, the "
    "app keeps crashing, I can't log in, the item is damaged, my flight was delayed, the line is very "
    "noisy, I never received the refund, the website is down, the battery is empty, the heating stopped "
    "working"
)
_DEPARTMENTS = phrases(
    "billing, sales, customer service, technical support, the front desk, reservations, the manager, "
    "human resources"
)

LEXICON: Mapping[str, Sequence[str]] = {
    "name": _FIRST_NAMES,
    "surname": _SURNAMES,
    "full_name": ["{name} {surname}"],
    "title_name": ["Doctor {surname}", "Mister {surname}", "Miss {surname}"],
    "relative": _RELATIVES,
    "person": ["{name}", "{name}", "{full_name}", "my {relative}", "my {relative}", "{title_name}"],
    "city": _CITIES,
    "country": _COUNTRIES,
    "weekday": _DAYS,
    "day": [
        *("today", "tomorrow", "tonight", "this weekend", "next week", "tomorrow morning", "this afternoon"),
        *("this evening", "tomorrow afternoon", "tomorrow evening", "tomorrow night", "this morning"),
        *("on {weekday}", "on {weekday}", "on {weekday}", "next {weekday}", "this {weekday}"),
        *("on {weekday} morning", "on {weekday} afternoon", "on {weekday} evening", "on {date}", "on {date}"),
    ],
    "language": _LANGUAGES,
    "room": _ROOMS,
    "device": _DEVICES,
    "door": _DOORS,
    "food": _FOODS,
    "genre": _GENRES,
    "place": _PLACES,
    "shop": _SHOPS,
    "chore": _CHORES,
    "event": _EVENTS,
    "account_number": _ACCOUNT_NUMBERS,
    "request": _REQUESTS,
    "weather": _WEATHER,
    "animal": _ANIMALS,
    "topic": _TOPICS,
    "feeling": _FEELINGS,
    "problem": _PROBLEMS,
    "department": _DEPARTMENTS,
    "color": words("red green blue yellow orange purple white pink warm"),
    "article_place": ["the {place}", "the {place}", "{city}", "the {city} airport"],
    "street": phrases(
        "Main Street, Park Avenue, Church Street, High Street, Oak Avenue, Station Road, King Street, Lake "
        "Drive, Garden Lane, Hill Road"
    ),
}
