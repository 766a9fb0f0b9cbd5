"""What clients, microphones, speakers, model endpoints and machines do in practice, as one table.

Each module holds the rows of one kind of thing, HABITS, and one function that shows what the server makes of
a row. A new report from the field is one more row.
"""
