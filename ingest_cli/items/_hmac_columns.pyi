def hmac_sha256(key: object, values: object, offsets: object, first: int, count: int, /) -> bytes: ...
def seal(
    keys: object,
    heads: object,
    tail: object,
    values: object,
    offsets: object,
    first: int,
    count: int,
    text: object,
    /,
) -> None: ...
