"""Keys that get more writes than one partition accepts.

`detection` finds them, `queues` keeps their items apart from all others, and `pace` limits the rate of each.
"""
