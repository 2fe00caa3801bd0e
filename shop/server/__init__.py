"""The HTTP server: waitress, with what a shop on the open internet needs besides.

    channels.py    one connection: what is read without a thread, until when, and what becomes of a body that is too large
    sharing.py     the threads, and how many of them one address may use at once
    listening.py   the sockets, how many connections there are, and the end

Why waitress. A slow client must cost a socket, never a thread: waitress reads headers and bodies in its event loop and starts a
thread only for a complete request. Measured with this application, 64 threads, 80 slow connections of each kind, 200 silent ones:

    server                     `/healthz`   slow headers  slow bodies  slow chunks  200 silent   a lost stream is seen after
    waitress 3.0               1,149/s      answers       answers      answers      answers      0.1 s
    gunicorn 27 gthread        847/s        stopped       stopped      stopped      stopped      1.0 s
    granian 2.8                1,582/s      answers       stopped      stopped      answers      0.5 s
    cheroot 11.1               983/s        answers       answers      1.5 s        3.1 s        1.0 s
    hypercorn 0.18 (WSGI)      406/s        answers       answers      answers      answers      not within 3 s

Nothing stops waitress and hypercorn; of the two waitress is faster, and it sees a lost client. It lacks bounds per address, a
deadline for a request that never ends, an answer to a body that is too large, and an end to a client that reads nothing: those
are here. It runs one process. Several run side by side, each with a `PORT` of its own and the same `SHOP_BASE_URL`, `SHOP_SECRET_KEY` and
PostgreSQL, behind a proxy that spreads requests. `app:app` runs in any other WSGI server, without these bounds.
"""
