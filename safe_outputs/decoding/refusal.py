"""What a decoder says of content that it does not take."""


class NotDecodable(Exception):
    """A sentence for the person who sent the file: what it is, why it is not taken, what to do."""
