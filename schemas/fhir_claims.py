"""What a result claims and of what it abstains, in the words that report, findings and prognosis share."""

from schemas.fhir_frame import DISCLAIMER, readable, withdrawn
from schemas.result import Result

_OUTCOMES = {
    "OS": "death of any cause",
    "RFS": "recurrence or death",
    "DFS": "recurrence or death",
    "PFS": "progression or death",
    "REC": "recurrence, if no death comes first",
    "DSS": "death of the disease, if no other death comes first",
}
_TWO_YEARS_DAYS = 730.5


def predicts(result: Result) -> bool:
    """Whether the network was asked at all: without evidence it is not."""
    return result.doubt is not None


def labelled(result: Result) -> bool:
    """Whether there are probabilities of diagnoses, offered or not; a network of survival alone has none."""
    return result.diagnosis is not None and bool(result.diagnosis.probabilities)


def abstains(result: Result) -> bool:
    """Whether what the result is confident of, its `claim`, is not offered."""
    return result.abstained is not None


def abstention(result: Result) -> str:
    """Why it is not."""
    return readable(result.abstained or "")


def claim(result: Result) -> str:
    """What confidence and doubt are about, as `model/answers.py` has it: the diagnosis, else the first endpoint."""
    if labelled(result):
        return "diagnosis"
    return "prognosis" if result.prognosis else "diagnosis or prognosis"


def doubted(result: Result) -> str:
    """What exactly the doubt is about; empty where the network predicts neither diagnosis nor survival."""
    if labelled(result):
        return "the diagnosis"
    for endpoint, curve in result.prognosis.items():
        days = curve.edges_days[-1]
        return f"{_outcome(endpoint)} within {'2 years' if days >= _TWO_YEARS_DAYS else f'{days:.0f} days'}"
    return ""


def outcome_name(endpoint: str) -> str:
    """What an endpoint counts, in words where it is a known one: `Death of any cause (OS)`."""
    words = _outcome(endpoint)
    return words[0].upper() + words[1:] if endpoint in _OUTCOMES else words


def _outcome(endpoint: str) -> str:
    known = _OUTCOMES.get(endpoint)
    return f"{known} ({endpoint})" if known else readable(endpoint)


def years_of(horizon: str) -> str:
    """`1y` -> `1 year`."""
    number = horizon.removesuffix("y")
    return f"{number} year" if number == "1" else f"{number} years"


def caveats(result: Result) -> list[str]:
    """What must be said beside every finding: what this is, what was imputed, whether the result abstains."""
    said = [DISCLAIMER]
    if withdrawn(result):
        return [*said, "Withdrawn: nothing said of this patient in an earlier revision may be used."]
    said += [f"Imputed, not measured: {modality.value}." for modality in result.imputed]
    if abstains(result):
        more = " Risks and responses have no threshold of their own." if labelled(result) else ""
        said.append(f"Abstained ({abstention(result)}): no {claim(result)} is offered.{more}")
    if result.truncated:
        said.append("The patient has more evidence than is read; the oldest was left out.")
    return said
