package store

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"blockgate/internal/btc"
)

// formatName and formatVersion begin the first line.
const (
	formatName    = "blockgate-headers"
	formatVersion = 1
)

// lineSize is the length of the first line in bytes, with its line feed.
const lineSize = 64

// formatLine returns the first line of a file of network.
func formatLine(network btc.Network) [lineSize]byte {
	var line [lineSize]byte
	copy(line[:], fmt.Sprintf("%-*s\n", lineSize-1, fmt.Sprintf("%s %d %s", formatName, formatVersion, network)))
	return line
}

// checkLine looks at the first bytes of a file, at most lineSize. It reports
// whether the line stands there; if not, and there is no error, the file was
// never begun: nothing, a part of the line or zeros are what a crash leaves.
func checkLine(head []byte, network btc.Network) (bool, error) {
	want := formatLine(network)
	if bytes.Equal(head, want[:]) {
		return true, nil
	}
	if bytes.HasPrefix(want[:], head) || len(bytes.Trim(head, "\x00")) == 0 {
		return false, nil
	}
	text, _, _ := strings.Cut(string(head), "\n")
	words := strings.Fields(text)
	if len(words) < 2 || words[0] != formatName {
		return false, fmt.Errorf("%w: does not begin with %q", ErrFormat, formatName)
	}
	version, err := strconv.Atoi(words[1])
	switch {
	case err != nil || version < 1:
		return false, fmt.Errorf("%w: no version in its first line", ErrFormat)
	case version > formatVersion:
		return false, fmt.Errorf("%w: version %d, this one knows up to %d; %s", ErrNewer, version, formatVersion, deletable)
	case len(words) == 3 && words[2] != network.String():
		return false, fmt.Errorf("%w: %.16q, not %s; %s", ErrNetwork, words[2], network, deletable)
	default:
		return false, fmt.Errorf("%w: its first line is damaged; %s", ErrFormat, deletable)
	}
}
