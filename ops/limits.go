package ops

import "time"

// MaxInstances is the most processes of one kind that report layers.
//
// Source: the most parsers that a service can have.
const MaxInstances = 64

// MaxWords is the most words that a label may have, MaxWordBytes the most bytes of
// one.
//
// Source: some 80 reasons for which a connection may end, with room for more; the
// longest name that a status line can carry.
const (
	MaxWords     = 128
	MaxWordBytes = 24
)

const (
	// maxConns is the most connections at a time; more wait to be accepted.
	// Source: two scrapers, two probes and a person, with room to spare.
	maxConns = 32
	// maxHeaderBytes is the most bytes of a request's head, to which net/http adds
	// 4,096. Source: scrapers and probes send less than 1 kB.
	maxHeaderBytes = 8 << 10
	// maxScrapes is the most scrapes at a time; more are answered with 503.
	maxScrapes = 4

	// headerTimeout and readTimeout bound how long a request may take to come in,
	// writeTimeout how long the answer may take to go out, idleTimeout how long a
	// connection may say nothing between two requests. Source: a scrape of 10 kB
	// takes milliseconds; Prometheus asks every 15 to 60 s.
	headerTimeout = 5 * time.Second
	readTimeout   = 5 * time.Second
	writeTimeout  = 10 * time.Second
	idleTimeout   = 75 * time.Second
	// closeTimeout is how long answers may take that are under way when the server
	// ends. Source: the whole service has 10 s to stop.
	closeTimeout = time.Second
)

const (
	// MaxRequest is the most bytes of a request's line, 1 MiB. Source: a transaction
	// that nodes relay has 400 kB at most, 800 kB in hex.
	MaxRequest = 1 << 20
	// MaxAnswer is the most bytes of an answer's line, 4 MiB. Source: 250 peers of
	// 1 kB, with room to spare.
	MaxAnswer = 4 << 20
	// AskTimeout is how long a command waits for its answer in all: the three below,
	// while as many clients as there may be are before it.
	AskTimeout = 30 * time.Second

	// maxClients is the most clients of the control socket at a time; more wait to be
	// accepted. Source: two people, a probe and a script, with room to spare.
	maxClients = 8
	// requestTimeout is how long a request may take to come in, answerTimeout how long
	// the service may take for the answer, answerWriteTimeout how long that may take
	// to go out. Source: a command sends its line at once and reads at once; the brain
	// steps in milliseconds.
	requestTimeout     = 5 * time.Second
	answerTimeout      = 10 * time.Second
	answerWriteTimeout = 5 * time.Second
)

const (
	// MaxLoop is how long the adapter's loop may take for one turn. Source: it turns
	// every 250 ms; 2,000 headers on a busy machine took less than a second.
	MaxLoop = 30 * time.Second
	// MaxJob is how long one job of the journal may take. Source: the bus bounds each
	// of its answers by 10 s, and an event is sent 8 times at most; three times that.
	MaxJob = 5 * time.Minute
	// maxDetail is the most bytes that one reason for not being healthy may say.
	// Source: 64 parked blocks would say 10 kB; the first tell enough.
	maxDetail = 1000
)
