"""Forms of the pages about recommendations."""

from typing import Any

from django import forms

from cdp.web.forms import MOST_IN_A_FILE, CalmForm, JsonText


class RecommendationForm(CalmForm):
    """What tells of interest, and what is never offered."""

    signals = JsonText(
        label="Events that tell of interest", rows=14,
        help_text="Each with its weight beside others. consumes: who did this has the item. With property only events"
        " in which that number is at_least so much tell of interest, such as a rating.",
    )  # fmt: skip
    half_life_days = forms.IntegerField(
        label="Days after which interest is worth half", min_value=1, max_value=3650,
        help_text="90 suits a shop; films and music keep longer.",
    )  # fmt: skip
    exclude_consumed = forms.BooleanField(label="Leave out what the person has", required=False)
    in_stock_only = forms.BooleanField(label="Only what is in stock", required=False)
    categories = forms.CharField(label="Only of these categories", required=False, help_text="One a line.",
                                 widget=forms.Textarea(attrs={"rows": 3}))  # fmt: skip
    not_categories = forms.CharField(label="Never of these categories", required=False, help_text="One a line.",
                                     widget=forms.Textarea(attrs={"rows": 3}))  # fmt: skip
    least_price = forms.FloatField(label="Price from", min_value=0, required=False)
    most_price = forms.FloatField(label="Price up to", min_value=0, required=False)

    def told(self) -> dict[str, Any]:
        """The setting as JSON."""
        given = self.cleaned_data
        lists = {
            name: [one.strip() for one in given[name].splitlines() if one.strip()]
            for name in ("categories", "not_categories")
        }
        plain = {name: given[name] for name in ("exclude_consumed", "in_stock_only", "least_price", "most_price")}
        return {
            "signals": given["signals"], "half_life_days": given["half_life_days"], "rules": {**plain, **lists},
        }  # fmt: skip

    @staticmethod
    def begin(setting: dict[str, Any]) -> dict[str, Any]:
        """The setting as it stands in the fields."""
        rules = {name: "\n".join(one) if isinstance(one, list) else one for name, one in setting["rules"].items()}
        return {**setting, **rules}


class CatalogueForm(CalmForm):
    """A file of items."""

    file = forms.FileField(
        label="File",
        help_text="CSV in UTF-8 with a head: id, name, category, price, image_url, url, in_stock. Other columns become"
        " attributes. At most 20 MB and 100,000 lines.",
    )

    def clean_file(self) -> str:
        given = self.cleaned_data["file"]
        if given.size > MOST_IN_A_FILE:
            raise forms.ValidationError("The file is larger than 20 MB. Split it, or use the API.")
        try:
            text: str = given.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not UTF-8. Save it as “CSV UTF-8” and try again.") from None
        return text
