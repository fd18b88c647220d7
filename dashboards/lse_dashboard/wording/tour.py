"""What the tour of the page says.  Texts only."""

from __future__ import annotations

__all__ = ["Tour"]


class Tour:
    """A walk through the page in two minutes."""

    OPEN, OPEN_HELP = "Tour", "What is where, in two minutes"
    OFFER, NO = "New here? Take the two-minute tour.", "No, thanks"
    NEXT, BACK, END, DONE = "Next", "Back", "End the tour", "Done"
    COUNT = "{at} of {count}"
    # Where it points (CSS), title and text; what is not there is left out.
    STEPS = (
        (
            ".lse-cloud",
            "The map",
            (
                "Each point is an image, and images that the encoder finds similar lie close together. Drag to "
                "pan, scroll to zoom, click a point to see its image. The lasso and the box at its left select "
                "what belongs together."
            ),
        ),
        (
            ".lse-colour",
            "Colours",
            (
                "Colour the points by clusters, labels, predictions or any column of the catalogue. A column of "
                "the header that sorts the map is a warning: the encoder may have learnt the instrument."
            ),
        ),
        (".legend", "Groups", "The legend hides, isolates and selects groups, and gives clusters their names."),
        (
            ".lse-right",
            "Images",
            (
                "The image in view with its nearest neighbours, what is known of it, why it is similar to others, "
                "and its original pixels. The tab Selection holds the gallery of what is selected and compares it "
                "with the rest."
            ),
        ),
        (
            ".lse-label-bar",
            "Names",
            (
                "Define classes and give them by the keys 1 to 9. Review offers the images whose labels help "
                "most, and the predictions that are least certain."
            ),
        ),
        (
            ".lse-kind",
            "Computing",
            (
                "Run projections, clusterings and predictions, and train encoders. What runs is listed below, "
                "with its progress; it goes on when you close the page."
            ),
        ),
        (
            ".lse-open-ingest",
            "Your own images",
            ("Drop a folder or an archive of your own images, see how the recipe prepares them, and make a dataset."),
        ),
        (
            ".lse-link",
            "Taking it with you",
            (
                "A link opens exactly this view elsewhere; the map is saved as a figure or as one file that works "
                "without a network."
            ),
        ),
    )
