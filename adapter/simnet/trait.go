package simnet

import "strings"

// trait is one thing that a peer does; a peer has any mix of them.
type trait uint64

// The traits of hostile peers, and below them those of honest ones.
const (
	refuses     trait = 1 << iota // does not take the connection
	dumb                          // takes it and never ends the handshake
	noServices                    // claims to serve no blocks
	lyingHeight                   // claims another height in its version
	silent                        // answers nothing
	slow                          // thinks for 3 to 20 s about each answer
	stalling                      // sends no bodies
	gaps                          // sends some bodies and not others
	notFound                      // says that it has none of the blocks
	heavy1                        // has headers of a heavier branch of so many, and keeps the bodies
	heavy6
	heavy200
	heavy1100
	rebel     // has a heavier branch of which one block breaks a rule
	frozen    // shows an old tip
	mutating  // sends other bytes than the block's
	poisonous // sends bytes on which parsers die or hang
	dripping  // sends 20 kB/s
	crawling  // sends 2 kB/s
	spamLow   // headers of little work, again and again
	spamHigh  // headers of work enough that lead nowhere
	unlinked  // headers without a known parent
	badHeader // a header that breaks a rule
	duplicate // each headers message many times
	twoFaced  // another fork each time
	addrFlood
	invFlood
	pingFlood
	garbage
	oversize
	unasked // blocks that nobody asked for
	pushesTx
	leaving // goes away after a while
	halving // goes away in the middle of a block
	hostileEnd

	// Honest traits cost a peer nothing.
	flaky    = hostileEnd << 0 // goes away now and then
	sluggish = hostileEnd << 1 // a poor line
	behind   = hostileEnd << 2 // hears of blocks late
	byInv    = hostileEnd << 3 // announces by inv
	chatty   = hostileEnd << 4 // sends what nobody knows, pongs unasked
	future   = hostileEnd << 5 // has seen a header of tomorrow
)

const hostileTraits = 34

var traitNames = [...]string{ //nolint:gochecknoglobals // a table, never written
	"refuses", "dumb", "no-services", "lying-height", "silent", "slow", "stalling", "gaps", "not-found", "heavy-1", "heavy-6",
	"heavy-200", "heavy-1100", "rebel", "frozen", "mutating", "poisonous", "dripping", "crawling", "spam-low", "spam-high",
	"unlinked", "bad-header", "duplicate", "two-faced", "addr-flood", "inv-flood", "ping-flood", "garbage", "oversize",
	"unasked", "pushes-tx", "leaving", "halving", "flaky", "sluggish", "behind", "by-inv", "chatty", "future",
}

// has reports whether t holds one of the traits.
func (t trait) has(one trait) bool { return t&one != 0 }

// String lists the traits, joined by "+".
func (t trait) String() string {
	var names []string
	for i, name := range traitNames {
		if t.has(1 << i) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "plain"
	}
	return strings.Join(names, "+")
}

// bannable are the traits for which a peer may be banned; any other one must not be.
const bannable = mutating | poisonous | badHeader | pingFlood | garbage | oversize | unasked | pushesTx | addrFlood | invFlood | spamHigh
