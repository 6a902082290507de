import pickle

from schemas.errors import Reason, Refused


def test_a_refusal_comes_back_whole_from_another_process() -> None:
    sent = Refused(Reason.UNSUPPORTED, "no block blood; this cohort has clinical", evidence=())
    back = pickle.loads(pickle.dumps(sent))
    assert (back.reason, back.detail, back.evidence, str(back)) == (sent.reason, sent.detail, sent.evidence, str(sent))
