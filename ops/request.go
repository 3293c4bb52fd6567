package ops

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// protocolVersion is of the lines that go over the control socket. One side refuses
// what has another.
const protocolVersion = 1

// Request is one line that a command sends over the control socket.
type Request struct {
	Verb string          // [a-z0-9_]{1,24}
	Args json.RawMessage // what the verb needs, one JSON object, or empty
}

// Answer is the one line that comes back. At most one of its fields is set; none
// says that it was done.
type Answer struct {
	Result  json.RawMessage // one JSON value
	Refused string          // why nothing was done: the answer is no
	Error   string          // why there is no answer
}

// ErrRequest says that a line of the control socket is none that we speak.
var ErrRequest = errors.New("no request that is known here")

// requestLine and answerLine are the lines, field by field.
type requestLine struct {
	Version int             `json:"v"`
	Verb    string          `json:"do"`
	Args    json.RawMessage `json:"args,omitempty"`
}

type answerLine struct {
	Version int             `json:"v"`
	Result  json.RawMessage `json:"result,omitempty"`
	Refused string          `json:"refused,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// DecodeRequest reads a line without its newline, at most [MaxRequest] bytes. It
// returns [ErrRequest] for whatever else. Args is a part of line.
func DecodeRequest(line []byte) (Request, error) {
	if len(line) > MaxRequest {
		return Request{}, fmt.Errorf("%w: %d bytes, at most %d", ErrRequest, len(line), MaxRequest)
	}
	var r requestLine
	if err := DecodeArgs(line, &r); err != nil {
		return Request{}, err
	}
	switch {
	case r.Version != protocolVersion:
		return Request{}, fmt.Errorf("%w: version %d, want %d; command and service are of different builds", ErrRequest, r.Version, protocolVersion)
	case !validWord(r.Verb):
		return Request{}, fmt.Errorf("%w: %.40q", ErrRequest, r.Verb)
	case len(r.Args) > 0 && r.Args[0] != '{':
		return Request{}, fmt.Errorf("%w: arguments of %s are no object", ErrRequest, r.Verb)
	}
	return Request{Verb: r.Verb, Args: r.Args}, nil
}

// AppendRequest appends the line of a request and its newline. It returns
// [ErrRequest] for one that [DecodeRequest] would refuse.
func AppendRequest(line []byte, r Request) ([]byte, error) {
	text, err := json.Marshal(requestLine{protocolVersion, r.Verb, r.Args})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if _, err := DecodeRequest(text); err != nil {
		return nil, err
	}
	return append(append(line, text...), '\n'), nil
}

// DecodeArgs reads one JSON object into target and wants no field that target does
// not have, and nothing behind it. An empty text is an empty object. It returns
// [ErrRequest].
func DecodeArgs(text []byte, target any) error {
	if len(text) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: there is more behind its end", ErrRequest)
	}
	return nil
}

// answerText returns the line of an answer with its newline. One that is larger than
// [MaxAnswer] becomes an error in words.
func answerText(a Answer) []byte {
	text, err := json.Marshal(answerLine{protocolVersion, a.Result, a.Refused, a.Error})
	if err == nil && len(text) >= MaxAnswer {
		err = fmt.Errorf("%d bytes, at most %d", len(text), MaxAnswer)
	}
	if err != nil {
		text, _ = json.Marshal(answerLine{Version: protocolVersion, Error: "answer cannot be sent: " + err.Error()}) // words can
	}
	return append(text, '\n')
}

// decodeAnswer reads a line without its newline.
func decodeAnswer(line []byte) (Answer, error) {
	var a answerLine
	if err := json.Unmarshal(line, &a); err != nil {
		return Answer{}, fmt.Errorf("answer of the service: %w", err)
	}
	if a.Version != protocolVersion {
		return Answer{}, fmt.Errorf("answer of the service: version %d, want %d; command and service are of different builds", a.Version, protocolVersion)
	}
	return Answer{a.Result, a.Refused, a.Error}, nil
}
