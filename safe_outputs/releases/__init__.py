"""From an approved request to what leaves: under which policy, signed with which key, taken by whom."""
