"""Headless Chromium over its DevTools pipe, with the standard library alone."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PATH = shutil.which('chromium')
FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
         '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync', '--remote-debugging-pipe']
SECONDS = 60    # for an answer: the machine may be busy
KEYS = {'ArrowLeft': 37, 'ArrowRight': 39, 'Home': 36, 'End': 35, ' ': 32, 'Tab': 9}


class Chromium:
    """A browser; use it in a `with` statement."""

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix='chromium-')
        for_child, self.writer = os.pipe()
        self.reader, from_child = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (for_child, from_child)]

        def pipes():    # Chromium reads from 3 and writes to 4
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.process = subprocess.Popen(
            [PATH, *FLAGS, f'--user-data-dir={self.profile}'], preexec_fn=pipes,
            pass_fds=(3, 4), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        for end in (for_child, from_child, *ends):
            os.close(end)
        self.left, self.count, self.events = b'', 0, []
        return self

    def __exit__(self, *_):
        try:
            self.send('Browser.close')
            self.process.wait(SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.writer)
            os.close(self.reader)
            shutil.rmtree(self.profile, ignore_errors=True)

    def receive(self) -> dict:
        """Return the next message."""
        end = time.monotonic() + SECONDS
        while b'\0' not in self.left:
            ready, _, _ = select.select([self.reader], [], [], end - time.monotonic())
            new = os.read(self.reader, 1 << 16) if ready else b''
            if not new:
                raise RuntimeError('Chromium does not answer')
            self.left += new
        message, _, self.left = self.left.partition(b'\0')
        return json.loads(message.decode())

    def send(self, method: str, session: str = None, **parameters) -> dict:
        """Call a method of the protocol; note the events on the way to its result."""
        self.count += 1
        message = {'id': self.count, 'method': method, 'params': parameters}
        if session:
            message['sessionId'] = session
        content = json.dumps(message).encode() + b'\0'
        while content:
            content = content[os.write(self.writer, content):]
        while True:
            answer = self.receive()
            if answer.get('id') == self.count:
                if 'error' in answer:
                    raise RuntimeError(f'{method}: {answer["error"]}')
                return answer['result']
            self.events.append(answer)

    def open(self, url: str, width: int = 1200, height: int = 900) -> 'Page':
        """Open a page in a tab of its own and wait until it is loaded."""
        target = self.send('Target.createTarget', url='about:blank')['targetId']
        session = self.send('Target.attachToTarget', targetId=target, flatten=True)
        page = Page(self, session['sessionId'])
        for part in 'Page', 'Runtime', 'Log', 'Network':
            page.send(f'{part}.enable')
        page.size(width, height)
        page.send('Page.navigate', url=url)
        page.wait('location.href !== "about:blank" && document.readyState === '
                  '"complete"')
        return page


class Page:
    """A tab: what a person can do in it, and what it complains of or asks for."""

    def __init__(self, browser: Chromium, session: str):
        self.browser, self.session = browser, session

    def send(self, method: str, **parameters) -> dict:
        """Call a method of the protocol on this page."""
        return self.browser.send(method, self.session, **parameters)

    def size(self, width: int, height: int, phone: bool = False) -> None:
        """Give the page a window's size, or a phone's."""
        self.send('Emulation.setDeviceMetricsOverride', width=width, height=height,
                  deviceScaleFactor=3 if phone else 1, mobile=phone)

    def evaluate(self, expression: str):
        """Return the value of an expression, or of its promise."""
        answer = self.send('Runtime.evaluate', expression=expression,
                           awaitPromise=True, returnByValue=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(answer['exceptionDetails'])
        return answer['result'].get('value')

    def wait(self, condition: str, seconds: float = 20) -> bool:
        """Wait for a condition to hold; say whether it did in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.evaluate(
                        '((end) => new Promise(done => { const look = () => '
                        f'({condition}) ? done(true) : Date.now() > end ? done(false) '
                        ': setTimeout(look, 10); look(); }))'
                        f'(Date.now() + {1000 * (end - time.monotonic()):.0f})'):
                    return True
            except RuntimeError as error:   # the page has just made way for another
                if 'context was destroyed' not in str(error):
                    raise
        return False

    def click(self, selector: str, part: float = 0.5) -> None:
        """Click an element with the mouse, at a part of its width."""
        x, y = self.evaluate(
            f'(r => [r.left + r.width * {part}, r.top + r.height / 2])((e => '
            '(e.scrollIntoView({block: "center"}), e.getBoundingClientRect()))('
            f'document.querySelector({json.dumps(selector)})))')
        for kind, buttons in (('mouseMoved', 0), ('mousePressed', 1),
                              ('mouseReleased', 0)):
            self.send('Input.dispatchMouseEvent', type=kind, x=x, y=y, buttons=buttons,
                      button='left' if kind != 'mouseMoved' else 'none', clickCount=1)

    def press(self, key: str) -> None:
        """Press a key."""
        names = {'key': key, 'code': 'Space' if key == ' ' else key,
                 'windowsVirtualKeyCode': KEYS[key]}
        text = {'text': ' '} if key == ' ' else {}
        self.send('Input.dispatchKeyEvent', type='keyDown', **names, **text)
        self.send('Input.dispatchKeyEvent', type='keyUp', **names)

    def heard(self, *methods: str) -> list:
        """Return the parameters of this page's events so far of these kinds."""
        self.evaluate('1')      # what is on its way arrives before the answer
        return [event['params'] for event in self.browser.events
                if event.get('sessionId') == self.session
                and event['method'] in methods]
