"""All updates of a step in one session call, with the bits of one call after another.

A page's `step` calls `sess.run` once an update. Each call costs a fixed time, and G's
images are computed anew for D's update and for G's. Here `step` runs as it stands, in a
session that only notes what it is asked for; then one call does it all. For that, some
ops of a later update are copied in the graph: those that must see what an earlier
update has moved, and those that get a new feed. The copies read the variables after the
earlier update is done. All other ops are shared.

A step that asks for something else than at first, or that looks at a result, is run
call by call.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from tf1gan.tf1 import tf


class Call(NamedTuple):
    """What one `sess.run` of a step asks for."""

    fetches: List[Any]
    feeds: Dict[Any, Any]       # placeholder -> value


class Result:
    """A place in the results: the number of the call, and of the fetch in it.

    It can only be returned: the value is not there yet.
    """

    def __init__(self, call: int, fetch: int):
        self.call, self.fetch = call, fetch

    def _too_early(self, *_: Any) -> bool:
        raise TypeError('a result that is not there yet')

    __bool__ = __eq__ = __ne__ = __array__ = _too_early
    __hash__ = None


class Session:
    """A session for `step` that notes its calls, and does them when it is told to.

    Raises: TypeError when `step` looks at a result.
    """

    def __init__(self, sess, step: Callable[[Any], Dict[str, Any]]):
        """Plan a step: `step(session)` takes one, with draws for nothing else."""
        self.sess, self.calls = sess, []
        step(self)
        self.planned, self.again = self.calls, shared(self.calls)
        fetches, feeds = one_graph(self.planned)
        self.run_all = sess.make_callable(fetches, feed_list=feeds)

    def run(self, fetches: List[Any], feed_dict: Dict[Any, Any]) -> List[Result]:
        """Note a call; return the places of its results."""
        self.calls.append(Call(list(fetches), dict(feed_dict)))
        return [Result(len(self.calls) - 1, i) for i in range(len(fetches))]

    def take(self, step: Callable[[Any], Dict[str, Any]]) -> Dict[str, Any]:
        """Take a step; return what it returns, with the results in their places."""
        self.calls = []
        returned = step(self)
        again = shared(self.calls)
        if again == self.again and same_form(self.calls, self.planned):
            values = (value for call in self.calls for value in call.feeds.values())
            flat = self.run_all(*(value for value, known in zip(values, again)
                                  if not known))
            results, start = [], 0
            for call in self.calls:
                results.append(flat[start:start + len(call.fetches)])
                start += len(call.fetches)
        else:
            results = [self.sess.run(*call) for call in self.calls]
        return {name: results[value.call][value.fetch]
                if isinstance(value, Result) else value
                for name, value in returned.items()}


def same_form(calls: List[Call], others: List[Call]) -> bool:
    """Say whether calls ask for the same and feed the same places."""
    return len(calls) == len(others) and all(
        len(one.fetches) == len(two.fetches) and list(one.feeds) == list(two.feeds)
        and all(a is b for a, b in zip(one.fetches, two.fetches))
        for one, two in zip(calls, others))


def shared(calls: List[Call]) -> List[bool]:
    """Say of each feed whether an earlier call has fed that value there."""
    known, found = {}, []
    for call in calls:
        for placeholder, value in call.feeds.items():
            found.append(known.get(placeholder) is value)
            known[placeholder] = value
    return found


# --- The graph ------------------------------------------------------------------------

def one_graph(calls: List[Call]) -> Tuple[List[Any], List[Any]]:
    """Return all fetches of the calls in one graph, and its placeholders.

    What a call fetches comes after all of the call before it.
    """
    graph, again = calls[0].fetches[0].graph, iter(shared(calls))
    fetches, placeholders, done = [], [], []
    fresh: Dict[Any, Any] = {}      # placeholder -> the one that this call is fed by
    moved = set()                   # variables that the calls so far have moved
    with graph.as_default():
        for number, call in enumerate(calls):
            for placeholder in call.feeds:
                if next(again):
                    continue
                known = placeholder in fresh
                fresh[placeholder] = placeholder if not known else tf.placeholder(
                    placeholder.dtype, placeholder.shape,
                    f'later/{placeholder.op.name}')
                placeholders.append(fresh[placeholder])
            ops = needed_by(call.fetches)
            copies = copied(ops, fresh, moved, done, number > 0)
            found = [copies.get(fetch, fetch) for fetch in call.fetches]
            fetches += found
            done = [getattr(fetch, 'op', fetch) for fetch in found]
            moved |= {op.inputs[0].op for op in ops if moves(op)}
    return fetches, placeholders


def needed_by(fetches: List[Any]) -> List['tf.Operation']:
    """Return the ops that fetches need, each after those that it needs itself."""
    todo, found = [getattr(fetch, 'op', fetch) for fetch in fetches], set()
    while todo:
        op = todo.pop()
        if op not in found:
            found.add(op)
            todo += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
    return sorted(found, key=lambda op: op._id)


def moves(op: 'tf.Operation') -> bool:
    """Say whether an op moves the variable that is its first input."""
    return bool(op.outputs) and op.outputs[0].dtype._is_ref_dtype and bool(op.inputs)


def copied(ops: List['tf.Operation'], fresh: Dict[Any, Any], moved, done,
           is_later: bool) -> Dict[Any, Any]:
    """Copy those ops of a call that must not be shared with an earlier call.

    They read what has been `moved`, or are fed by a `fresh` placeholder, or move a
    variable, or need such an op. All copies run after the ops that are `done`. Return
    the copies, of ops and of tensors.
    """
    copies: Dict[Any, Any] = {old: new for old, new in fresh.items() if new is not old}
    if not is_later:
        return copies
    for op in ops:
        reads = any(tensor.op in moved for tensor in op.inputs)
        if not (reads or moves(op) or any(tensor in copies for tensor in op.inputs)
                or any(each in copies for each in op.control_inputs)):
            continue
        before = [copies.get(each, each) for each in op.control_inputs]
        with tf.control_dependencies(None), tf.control_dependencies(
                before + (done if reads or moves(op) else [])):
            new = op.graph.create_op(
                op.type, [copies.get(tensor, tensor) for tensor in op.inputs],
                [tensor.dtype for tensor in op.outputs],
                [tensor.dtype for tensor in op.inputs], name=f'later/{op.name}',
                attrs=dict(op.node_def.attr), op_def=op.op_def)
        copies[op] = new
        copies.update(zip(op.outputs, new.outputs))
    return copies


def session(sess, step: Callable[[Any], Dict[str, Any]]) -> Optional[Session]:
    """Return a session that takes steps in one call; None: this step cannot be."""
    try:
        return Session(sess, step)
    except Exception:       # it looks at a result, say; or it fails, and will again
        return None
