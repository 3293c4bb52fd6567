package sandbox

import (
	"errors"
	"fmt"
	"strings"
)

// statusFormat begins every status line: the name and version of the format.
const statusFormat = "blockgate-sandbox 1"

// ErrStatus says that a status line is not of the form that
// [Report.AppendText] writes.
var ErrStatus = errors.New("malformed sandbox status line")

// AppendText appends the report as one line without newline to dst:
//
//	blockgate-sandbox 1 build="devel go1.26" landlock=required,ok,"abi 7; / is closed" ...
//
// Text is cut to its limit and what is not printable ASCII, a quote or a
// backslash is replaced by '?', so that the line is never longer than
// [MaxStatusBytes] and always reads back. Layers past [MaxLayers] are dropped.
func (r Report) AppendText(dst []byte) []byte {
	dst = append(dst, statusFormat+` build="`...)
	dst = appendClean(dst, r.Build, MaxBuildBytes)
	dst = append(dst, '"')
	for _, l := range r.Layers[:min(len(r.Layers), MaxLayers)] {
		dst = append(dst, ' ')
		dst = append(dst, l.Name...)
		dst = append(dst, '=')
		dst = append(dst, needWord(l.Required)...)
		dst = append(dst, ',')
		dst = append(dst, l.State.String()...)
		dst = append(dst, `,"`...)
		dst = appendClean(dst, l.Detail, maxDetailBytes)
		dst = append(dst, '"')
	}
	return dst
}

// ParseReport reads a status line without its newline. It takes exactly what
// [Report.AppendText] writes and returns [ErrStatus] for anything else. It does
// not keep the slice.
func ParseReport(line []byte) (Report, error) {
	if len(line) > MaxStatusBytes {
		return Report{}, fmt.Errorf("%w: %d bytes, at most %d", ErrStatus, len(line), MaxStatusBytes)
	}
	rest, ok := strings.CutPrefix(string(line), statusFormat+" build=")
	if !ok {
		return Report{}, fmt.Errorf("%w: does not begin with %q", ErrStatus, statusFormat)
	}
	var r Report
	if r.Build, rest, ok = cutQuoted(rest, MaxBuildBytes); !ok {
		return Report{}, fmt.Errorf("%w: build identity", ErrStatus)
	}
	for rest != "" {
		if len(r.Layers) == MaxLayers {
			return Report{}, fmt.Errorf("%w: more than %d layers", ErrStatus, MaxLayers)
		}
		var l Layer
		if l, rest, ok = cutLayer(rest); !ok {
			return Report{}, fmt.Errorf("%w: layer %d", ErrStatus, len(r.Layers))
		}
		if _, twice := r.Layer(l.Name); twice {
			return Report{}, fmt.Errorf("%w: layer %s twice", ErrStatus, l.Name)
		}
		r.Layers = append(r.Layers, l)
	}
	return r, nil
}

// cutLayer takes ` name=need,state,"detail"` off the front of s.
func cutLayer(s string) (l Layer, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, " ")
	if !ok {
		return l, s, false
	}
	if l.Name, s, ok = strings.Cut(s, "="); !ok || !validName(l.Name) {
		return l, s, false
	}
	need, s, ok := strings.Cut(s, ",")
	if !ok {
		return l, s, false
	}
	l.Required = need == needWord(true)
	if need != needWord(l.Required) {
		return l, s, false
	}
	word, s, ok := strings.Cut(s, ",")
	if !ok {
		return l, s, false
	}
	if l.State, ok = parseState(word); !ok {
		return l, s, false
	}
	l.Detail, rest, ok = cutQuoted(s, maxDetailBytes)
	return l, rest, ok
}

// cutQuoted takes a quoted text of at most limit bytes off the front of s.
func cutQuoted(s string, limit int) (text, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, `"`)
	if !ok {
		return "", s, false
	}
	text, rest, ok = strings.Cut(s, `"`)
	if !ok || len(text) > limit {
		return "", s, false
	}
	for i := range len(text) {
		if !cleanByte(text[i]) {
			return "", s, false
		}
	}
	return text, rest, true
}

func parseState(word string) (State, bool) {
	for s := StateOK; s <= StateOff; s++ {
		if s.String() == word {
			return s, true
		}
	}
	return 0, false
}

func needWord(required bool) string {
	if required {
		return "required"
	}
	return "wanted"
}

func validName(name string) bool {
	if name == "" || len(name) > maxNameBytes {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// cleanByte reports whether c may stand inside quotes.
func cleanByte(c byte) bool { return c >= ' ' && c <= '~' && c != '"' && c != '\\' }

func appendClean(dst []byte, text string, limit int) []byte {
	for i := range min(len(text), limit) {
		c := text[i]
		if !cleanByte(c) {
			c = '?'
		}
		dst = append(dst, c)
	}
	return dst
}
