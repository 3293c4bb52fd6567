package link

import "testing"

// What a connection for transactions takes beside what every connection takes, at each
// limit; all else that is told or asked is dropped, and what bans, bans.
func TestPurposes(t *testing.T) {
	const most = 3 + maxProtocolInventory*inventorySize
	for _, c := range []struct {
		purpose Purpose
		command string
		size    uint32
		want    Verdict
		end     Reason
	}{
		{0, "getdata", 37, Drop, ReasonNone},
		{Carrier, "getdata", 0, Drop, ReasonNone},
		{Carrier, "getdata", 1, Take, ReasonNone},
		{Carrier, "getdata", 3 + MaxRequested*inventorySize, Take, ReasonNone},
		{Carrier, "getdata", 4 + MaxRequested*inventorySize, Drop, ReasonNone},
		{Carrier, "getdata", most, Drop, ReasonNone},
		{Carrier, "getdata", most + 1, Take, ReasonOversize},
		{Carrier, "inv", 37, Drop, ReasonNone},
		{Carrier, "inv", most + 1, Drop, ReasonOversize},
		{Observer, "getdata", 37, Drop, ReasonNone},
		{Observer, "inv", 0, Drop, ReasonNone},
		{Observer, "inv", 3 + MaxInventory*inventorySize, Take, ReasonNone},
		{Observer, "inv", 4 + MaxInventory*inventorySize, Drop, ReasonNone},
		{Observer, "inv", most + 1, Take, ReasonOversize},
		{0, "inv", 37, Pass, ReasonNone},
	} {
		got, err := judgeFor(c.purpose, message{command: CommandOf(c.command), size: c.size}, open)
		if got != c.want || ReasonOf(err) != c.end {
			t.Errorf("%d, %s of %d bytes: %v, %v, want %v", c.purpose, c.command, c.size, got, err, c.want)
		}
	}
	for command, row := range policy {
		for _, purpose := range []Purpose{Carrier, Observer} {
			got, err := judgeFor(purpose, message{command: command, size: max(row.min, MinBlockSize)}, open)
			plain, plainErr := judge(message{command: command, size: max(row.min, MinBlockSize)}, open)
			_, gone := dropped[command]
			switch {
			case purpose == Carrier && command == CommandOf("getdata"), purpose == Observer && command == CommandOf("inv"):
			case gone && (got != Drop || err != nil):
				t.Errorf("%s for %d: %v, %v", command, purpose, got, err)
			case !gone && (got != plain || ReasonOf(err) != ReasonOf(plainErr)):
				t.Errorf("%s for %d: %v, %v; for blocks %v, %v", command, purpose, got, err, plain, plainErr)
			}
			if got == Take && row.phase == open {
				if before, err := judgeFor(purpose, message{command: command, size: row.min}, negotiate); before != Drop || err != nil {
					t.Errorf("%s for %d before verack: %v, %v", command, purpose, before, err)
				}
			}
		}
	}
}
