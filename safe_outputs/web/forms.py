"""The forms of the queue. Each carries a token against forged requests and says what it will do."""

from flask_wtf import FlaskForm
from wtforms.fields import HiddenField, StringField, TextAreaField
from wtforms.validators import AnyOf, Length

from safe_outputs.return_categories import CATEGORIES
from safe_outputs.transitions import Vote

LONGEST_COMMENT = 5000


class VoteForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A checker's vote on the content whose hash she was shown. The button that she presses is the vote."""

    vote = StringField(validators=[AnyOf([each.value for each in Vote], "Press one of the three buttons.")])
    content_hash = HiddenField()
    category = StringField()
    categories = tuple((each.value, said.label) for each, said in CATEGORIES.items())
    comment = TextAreaField(
        "Comment",
        description="The author and the other checkers read it once all votes are in. Needed unless you approve.",
        validators=[Length(max=LONGEST_COMMENT, message=f"Use at most {LONGEST_COMMENT:,} characters.")],
    )


class ConfirmForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A button that needs nothing but the token."""
