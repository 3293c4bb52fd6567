package bip324

import (
	"bytes"
	"fmt"
)

// CommandSize is the size of a command in bytes: ASCII, then NUL.
const CommandSize = 12

// shortIDs are the commands that go as one byte (BIP-0324). 0 says that the
// command follows in full.
var shortIDs = [...]string{ //nolint:gochecknoglobals // a table, never written
	1: "addr", 2: "block", 3: "blocktxn", 4: "cmpctblock", 5: "feefilter", 6: "filteradd", 7: "filterclear",
	8: "filterload", 9: "getblocks", 10: "getblocktxn", 11: "getdata", 12: "getheaders", 13: "headers", 14: "inv",
	15: "mempool", 16: "merkleblock", 17: "notfound", 18: "ping", 19: "pong", 20: "sendcmpct", 21: "tx",
	22: "getcfilters", 23: "cfilter", 24: "getcfheaders", 25: "cfheaders", 26: "getcfcheckpt", 27: "cfcheckpt",
	28: "addrv2",
}

// Cut splits contents into command and payload. The payload lies in contents. The
// command is as the peer wrote it: nothing says that it is ASCII.
//
// Kinds of errors: [ErrEmpty], [ErrShortCommand], [ErrUnknownID]. Bitcoin Core ignores
// such a message and keeps the connection.
func Cut(contents []byte) (command [CommandSize]byte, payload []byte, err error) {
	switch {
	case len(contents) == 0:
		return command, nil, ErrEmpty
	case contents[0] != 0:
		if int(contents[0]) >= len(shortIDs) {
			return command, nil, fmt.Errorf("%w: %d", ErrUnknownID, contents[0])
		}
		copy(command[:], shortIDs[contents[0]])
		return command, contents[1:], nil
	case len(contents) < 1+CommandSize:
		return command, nil, ErrShortCommand
	}
	return [CommandSize]byte(contents[1:]), contents[1+CommandSize:], nil
}

// AppendCommand appends to dst what stands in contents for a command: one byte,
// or 13 if it has no short id. The payload comes next.
func AppendCommand(dst []byte, command [CommandSize]byte) []byte {
	name := string(bytes.TrimRight(command[:], "\x00"))
	for id, known := range shortIDs {
		if id != 0 && known == name {
			return append(dst, byte(id))
		}
	}
	dst = append(dst, 0)
	return append(dst, command[:]...)
}
