answer = {
    "a chat room, whose members come and go": "data",
    "the connection to a database": "process",
    "the conversion of a video, which may crash": "process",
    "the text of a chat message, with its author": "data",
    "a price and its currency": "data",
    "the total of an order": "function",
    "whether an address is well formed": "function",
}
