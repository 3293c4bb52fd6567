package ops

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestDecodeRequest(t *testing.T) {
	t.Parallel()
	padded := func(size int) string {
		head, tail := `{"v":1,"do":"ban","args":{"a":"`, `"}}`
		return head + strings.Repeat("x", size-len(head)-len(tail)) + tail
	}
	for name, c := range map[string]struct {
		line, verb, args string
		ok               bool
	}{
		"no arguments":         {`{"v":1,"do":"peers"}`, "peers", "", true},
		"arguments":            {`{"v":1,"do":"ban","args":{"addr":"192.0.2.1"}}`, "ban", `{"addr":"192.0.2.1"}`, true},
		"empty arguments":      {`{"v":1,"do":"ban","args":{}}`, "ban", `{}`, true},
		"empty":                {"", "", "", false},
		"no object":            {`[1]`, "", "", false},
		"null":                 {`null`, "", "", false},
		"another version":      {`{"v":2,"do":"peers"}`, "", "", false},
		"no version":           {`{"do":"peers"}`, "", "", false},
		"no verb":              {`{"v":1}`, "", "", false},
		"odd verb":             {`{"v":1,"do":"Peers"}`, "", "", false},
		"verb of 24 bytes":     {`{"v":1,"do":"` + strings.Repeat("x", 24) + `"}`, strings.Repeat("x", 24), "", true},
		"verb of 25 bytes":     {`{"v":1,"do":"` + strings.Repeat("x", 25) + `"}`, "", "", false},
		"arguments no object":  {`{"v":1,"do":"peers","args":[1]}`, "", "", false},
		"arguments null":       {`{"v":1,"do":"peers","args":null}`, "", "", false},
		"unknown field":        {`{"v":1,"do":"peers","x":1}`, "", "", false},
		"more behind":          {`{"v":1,"do":"peers"} {}`, "", "", false},
		"more than a line":     {"{\"v\":1,\"do\":\"peers\"}\n{}", "", "", false},
		"garbage":              {"\x00\xff\xfe", "", "", false},
		"deep":                 {`{"v":1,"do":"peers","args":` + strings.Repeat("[", 20000), "", "", false},
		"one byte less":        {padded(MaxRequest - 1), "ban", "", true},
		"as long as may be":    {padded(MaxRequest), "ban", "", true},
		"one byte too many":    {padded(MaxRequest + 1), "", "", false},
		"number as a verb":     {`{"v":1,"do":7}`, "", "", false},
		"version as a string":  {`{"v":"1","do":"peers"}`, "", "", false},
		"space around is fine": {` { "v" : 1 , "do" : "peers" } `, "peers", "", true},
	} {
		r, err := DecodeRequest([]byte(c.line))
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrRequest) || r.Verb != c.verb || c.args != "" && string(r.Args) != c.args {
			t.Errorf("%s: %.60q %.60q, %v", name, r.Verb, r.Args, err)
		}
	}
}

// TestDecodeRequestCutShort: no beginning of a request is one.
func TestDecodeRequestCutShort(t *testing.T) {
	t.Parallel()
	whole := []byte(`{"v":1,"do":"ban","args":{"addr":"192.0.2.0/24","for_seconds":60}}`)
	for n := range whole {
		if r, err := DecodeRequest(whole[:n]); !errors.Is(err, ErrRequest) {
			t.Errorf("%d bytes: %+v, %v", n, r, err)
		}
	}
}

func TestAppendRequest(t *testing.T) {
	t.Parallel()
	for _, wrong := range []Request{{}, {Verb: "A"}, {Verb: "a", Args: json.RawMessage(`[]`)}, {Verb: "a", Args: json.RawMessage(`{`)}, {Verb: "a", Args: json.RawMessage(`{"a":"` + strings.Repeat("x", MaxRequest) + `"}`)}} {
		if line, err := AppendRequest(nil, wrong); !errors.Is(err, ErrRequest) {
			t.Errorf("%.40q: %.40q, %v", wrong, line, err)
		}
	}
	line, err := AppendRequest([]byte("x"), Request{Verb: "peers"})
	if err != nil || string(line) != "x{\"v\":1,\"do\":\"peers\"}\n" {
		t.Errorf("%q, %v", line, err)
	}
}

func TestDecodeArgs(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{"": true, "{}": true, `{"addr":"x"}`: true, `{"addr":1}`: false, `{"other":1}`: false, `{} {}`: false, "[": false} {
		var target struct {
			Addr string `json:"addr"`
		}
		if err := DecodeArgs([]byte(text), &target); (err == nil) != ok || err != nil && !errors.Is(err, ErrRequest) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, a := range []Answer{{}, {Result: json.RawMessage(`[1,2]`)}, {Refused: "no\nline \"q\""}, {Error: "x"}} {
		line := answerText(a)
		if bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Errorf("%q is more than a line", line)
		}
		got, err := decodeAnswer(line[:len(line)-1])
		if err != nil || string(got.Result) != string(a.Result) || got.Refused != a.Refused || got.Error != a.Error {
			t.Errorf("%+v became %+v, %v", a, got, err)
		}
	}
	for _, line := range []string{"", "{", `{"v":0}`, `{"v":2,"result":1}`, `[]`} {
		if _, err := decodeAnswer([]byte(line)); err == nil {
			t.Errorf("%q is an answer", line)
		}
	}
	// The frame of {"v":1,"result":"..."} is 17 bytes and a newline.
	for size, ok := range map[int]bool{MaxAnswer - 20: true, MaxAnswer - 18: true, MaxAnswer - 17: false, MaxAnswer + 1: false} {
		text, _ := json.Marshal(strings.Repeat("x", size-2))
		line := answerText(Answer{Result: text})
		if got, err := decodeAnswer(line[:len(line)-1]); err != nil || (got.Error == "") != ok || len(line) > MaxAnswer {
			t.Errorf("a result of %d bytes: a line of %d, %.80q, %v", size, len(line), got.Error, err)
		}
	}
	line := answerText(Answer{Result: json.RawMessage(`{`)})
	if got, err := decodeAnswer(line[:len(line)-1]); err != nil || !strings.Contains(got.Error, "cannot be sent") {
		t.Errorf("%+v, %v", got, err)
	}
}

// FuzzRequest: what is decoded can be sent and comes out the same; nothing else
// than an error that says so comes of the rest.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{`{"v":1,"do":"peers"}`, `{"v":1,"do":"ban","args":{"addr":"192.0.2.1","for_seconds":1}}`, `{"V":1,"DO":"x","do":"y"}`, "{", "\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := DecodeRequest(line)
		if err != nil {
			if !errors.Is(err, ErrRequest) || r.Verb != "" || r.Args != nil {
				t.Fatalf("%+v, %v", r, err)
			}
			return
		}
		if !validWord(r.Verb) || len(r.Args) > 0 && !json.Valid(r.Args) {
			t.Fatalf("%+v", r)
		}
		again, err := AppendRequest(nil, r)
		if err != nil {
			return // escaping made it too long
		}
		if bytes.IndexByte(again, '\n') != len(again)-1 {
			t.Fatalf("%q is more than a line", again)
		}
		same, err := DecodeRequest(again[:len(again)-1])
		var a, b any
		if len(r.Args) > 0 && (json.Unmarshal(r.Args, &a) != nil || json.Unmarshal(same.Args, &b) != nil) {
			t.Fatalf("%q and %q", r.Args, same.Args)
		}
		one, _ := json.Marshal(a)
		two, _ := json.Marshal(b)
		if err != nil || same.Verb != r.Verb || !bytes.Equal(one, two) {
			t.Fatalf("%+v became %+v, %v", r, same, err)
		}
	})
}
