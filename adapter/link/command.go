package link

import (
	"bytes"
	"strconv"
)

// Command is the 12-byte name of a message, padded with NUL.
type Command [12]byte

// CommandOf returns the command of the given name. Of a name of more than 12
// bytes it takes the first 12.
func CommandOf(name string) Command {
	var c Command
	copy(c[:], name)
	return c
}

// String returns the name without padding; one that is not valid is quoted.
func (c Command) String() string {
	name := string(bytes.TrimRight(c[:], "\x00"))
	if !c.valid() {
		return strconv.QuoteToASCII(name)
	}
	return name
}

// valid reports whether the command is printable ASCII, then only NUL.
//
// Source: CMessageHeader::IsMessageTypeValid, Bitcoin Core v30.0 src/protocol.cpp.
func (c Command) valid() bool {
	name, padding, _ := bytes.Cut(c[:], []byte{0})
	for _, b := range name {
		if b < ' ' || b > '~' {
			return false
		}
	}
	return len(bytes.Trim(padding, "\x00")) == 0
}
