package simnet

import (
	"time"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// The library.
const (
	librarySeed = 20261121
	// firstTime is when block 1 was found, in Unix seconds: 2025-01-01.
	firstTime = 1_735_689_600
	// spacing is how many seconds lie between two blocks: little, so that no branch
	// reaches into the future.
	spacing = 10
	// growth is how many blocks the main chain goes on above the highest station.
	growth = 24
	// lowHeaders is how long the branch with little work is: two full messages and some.
	lowHeaders = 4100
	// detours, twins and spamBranches are how many branches of each kind a station has;
	// spamHeaders is how long each of the last is.
	detours, twins, spamBranches, spamHeaders = 6, 8, 24, 20
	// longAttack is the station that has a heavier branch of more headers than the brain
	// looks at to find missing blocks.
	longAttack = 70
	// shortStation is below which height a station is short.
	shortStation = 1000
)

// stationHeights are the heights of the stations, rising. The long ones need more than
// one headers message, so that a presync has something to read.
var stationHeights = [...]btc.Height{12, 20, 45, 70, 110, 170, 2150, 4320} //nolint:gochecknoglobals // a table, never written

// The world.
const (
	// maxPeers is how many peers a run has at most, fewPeers how many half of the runs
	// have at most; hostileShare of a hundred are hostile, and one at least is honest,
	// reachable and does not leave.
	maxPeers, fewPeers, hostileShare = 50, 16, 80
	// minAge and maxAge are how old the tip is when a run begins: all blocks to come are
	// older, and only some runs begin near now.
	minAge, maxAge = 7 * time.Hour, 27 * time.Hour
	// finalDepth is that of half of the runs: deeper than any fork of the honest chain,
	// and not so deep that nothing gets final.
	finalDepth = 12
	// maxTraits is how many traits a hostile peer has at most.
	maxTraits = 4
	// openShare is of how many runs one finds its peers by seeds and gossip.
	openShare = 4
	// peopleShare is of how many runs one has an operator and consumers who come and go;
	// idleAfter is how long after the last of these the brain lets its peers go.
	peopleShare, idleAfter = 8, 3 * time.Second
	// tickEvery is the interval of ticks, as in the shell; lateTickEvery, which is as much
	// as the brain allows, that of a run that takes long.
	tickEvery, lateTickEvery = 250 * time.Millisecond, time.Second
	// progressEvery is how often the shell tells how far a body is.
	progressEvery = 250 * time.Millisecond
	// oneRead is how much of a body comes by one read of the link.
	oneRead = 64 << 10
	// blockBudget is how many bytes of bodies may be on their way at once, and
	// reservedBudget the part of it for the block that the window waits for: as in the
	// shell.
	blockBudget, reservedBudget = 64 << 20, 8 << 20
	// maxOutbox is how many frames of a peer may wait for its line.
	maxOutbox = 4096
	// handshakeTimeout is as in the session.
	handshakeTimeout = 15 * time.Second
	// pongEvery is how often a peer that lives says something: we ping it.
	pongEvery = 2 * time.Minute
)

// The promises.
const (
	// settleTime is how long the brain is watched after it has done what it should.
	settleTime = 6 * time.Second
	// baseTime is how long the brain may take to publish the honest chain after the last
	// block was found and faults of our own ended, beside slack times what the solid
	// honest peer's line needs for all blocks.
	baseTime = 4 * time.Minute
	slack    = 4
	// openTime is baseTime where the brain has to find its peers: whoever takes a slot and
	// does nothing wrong is let go after 20 minutes and more.
	openTime = 2 * time.Hour
	// maxSlots is how many connections that the brain chose itself there may be: for
	// blocks, to find out who is there, and because the tip looks stale.
	maxSlots = node.DefaultOutbound + 4
	// maxActions is how many actions one event may cause.
	maxActions = 1024
	// maxRequests is how many requests one connection may be sent in a virtual minute.
	maxRequests = 1200
	// maxDials is how many dials an address may see in a virtual minute.
	maxDials = 40
	// minAsks is how often a block may be asked for, and once more in each askEvery.
	minAsks, askEvery = 60, 3 * time.Second
	// tailLines is how much of a transcript a report keeps.
	tailLines = 200
	// maxSteps ends a run that does not end.
	maxSteps = 2_000_000
)
