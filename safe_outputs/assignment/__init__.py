"""Who is asked to review a request: assignment by skill and load, absences, and what happens when time runs out."""
