package main

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/signet"
)

// Defaults of the flags.
const (
	defaultID          = "main"
	defaultNatsListen  = "127.0.0.1:4222"
	defaultHTTPListen  = "127.0.0.1:9332"
	defaultJournalSize = byteSize(4 << 30) // about 2,500 blocks of mainnet
	defaultParsers     = 2
	minJournalSize     = byteSize(64 << 20) // the parts of one block, its event and the broker's own files fit many times
	maxParsers         = frame.MaxWorkers - pool.Standby
	maxConnect         = 64
)

// demoFlag marks the service that `blockgate demo` starts.
const demoFlag = "in-demo"

var idPattern = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// networkFlag is --network as a pflag value, with what --signet-challenge adds.
type networkFlag struct {
	btc.Network
	challenge challengeFlag
	custom    *btc.Params // of a custom signet, else nil
}

// Params returns the constants of the network, which may be a custom signet.
func (f *networkFlag) Params() *btc.Params {
	if f.custom != nil {
		return f.custom
	}
	return f.Network.Params()
}

// complete checks the challenge and finds the constants that go with it.
func (f *networkFlag) complete() error {
	if len(f.challenge) == 0 {
		return nil
	}
	if f.Network != btc.Signet {
		return usagef("--signet-challenge: only with --network signet, not %s", f.Network)
	}
	params, err := btc.CustomSignet(f.challenge)
	if err != nil {
		return usagef("--signet-challenge: %w", err)
	}
	if params != btc.Signet.Params() {
		f.custom = params
	}
	return nil
}

// solution returns what judges the signatures of a signet's blocks, nil on other
// networks.
func (f *networkFlag) solution() (challenge claim.Challenge, err error) {
	if f.Network == btc.Signet {
		challenge, err = signet.Parse(f.Params().SignetChallenge)
	}
	if err != nil {
		return nil, usagef("--signet-challenge: %w", err)
	}
	return challenge, nil
}

// challengeFlag is --signet-challenge as a pflag value: a script in hex.
type challengeFlag []byte

func (f *challengeFlag) Set(s string) error {
	challenge, err := hex.DecodeString(s)
	if err != nil || len(challenge) == 0 || len(challenge) > btc.MaxSignetChallenge {
		return fmt.Errorf("%.40q: want a script of 1..%d bytes in hex", s, btc.MaxSignetChallenge)
	}
	*f = challenge
	return nil
}
func (f *challengeFlag) Type() string   { return "hex" }
func (f *challengeFlag) String() string { return hex.EncodeToString(*f) }

func (f *networkFlag) Set(s string) (err error) {
	f.Network, err = btc.ParseNetwork(s)
	return err
}
func (f *networkFlag) Type() string { return "network" }
func (f *networkFlag) String() string {
	if !f.Valid() {
		return ""
	}
	return f.Network.String()
}

// addNetwork adds --network with its default and its completion.
func addNetwork(cmd *cobra.Command, target *networkFlag) {
	target.Network = btc.Mainnet
	names := make([]string, 0, len(btc.Networks()))
	for _, n := range btc.Networks() {
		names = append(names, n.String())
	}
	cmd.Flags().Var(target, "network", strings.Join(names, ", "))
	_ = cmd.RegisterFlagCompletionFunc("network", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// addChallenge adds --signet-challenge, beside --network.
func addChallenge(cmd *cobra.Command, target *networkFlag) {
	cmd.Flags().Var(&target.challenge, "signet-challenge", "script that the blocks of a signet of your own meet, with --network signet (BIP-0325)")
}

// byteSize is a number of bytes, given plain or with KiB, MiB or GiB.
type byteSize int64

func (b *byteSize) Set(s string) error {
	number, unit := s, int64(1)
	for suffix, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if cut, ok := strings.CutSuffix(s, suffix); ok {
			number, unit = cut, factor
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > (1<<62)/unit {
		return fmt.Errorf("%q: want a number of bytes, plain or with KiB, MiB or GiB", s)
	}
	*b = byteSize(n * unit)
	return nil
}
func (b *byteSize) Type() string { return "bytes" }
func (b *byteSize) String() string {
	for _, u := range []struct {
		unit byteSize
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if *b >= u.unit && *b%u.unit == 0 {
			return fmt.Sprintf("%d%s", *b/u.unit, u.name)
		}
	}
	return strconv.FormatInt(int64(*b), 10)
}

// workFlag is --minimum-chain-work as a pflag value.
type workFlag struct{ btc.Work }

func (f *workFlag) Set(s string) (err error) {
	f.Work, err = btc.ParseWork(s)
	return err
}
func (f *workFlag) Type() string   { return "hex" }
func (f *workFlag) String() string { return "" }

// runSettings are the flags of `blockgate run`.
type runSettings struct {
	network     networkFlag
	id          string
	connect     []string
	dataDir     string
	nats        string
	natsListen  string
	creds       string
	journalSize byteSize
	parsers     int
	minimumWork workFlag
	startHeight int32
	startHash   string
	noLandlock  bool
	anyPort     bool
	reach       reachFlags
	httpListen  string
	httpWanted  bool // the operator named it
	inDemo      bool // on loopback peers only
	logFormat   string
	anonymous   bool
	parserPath  string
	engine      engineFlag
	readiness   readiness
	slots       slotSettings
	idleAfter   time.Duration // 0: never
	sending     sendSettings

	start startPoint
}

// startPoint says where a journal begins when none is there.
type startPoint struct {
	Given  bool       `json:"given"`
	Height btc.Height `json:"height"` // the first block of the journal, at least 1
	Hash   btc.Hash   `json:"hash"`   // or its hash, if not zero
}

func (s *runSettings) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&s.id, "id", defaultID, "name of this instance on the bus, [a-z0-9-]{1,32}")
	flags.StringSliceVar(&s.connect, "connect", nil, "peer host:port to connect to, and to no other; may be given several times")
	s.slots.addFlags(flags)
	s.sending.addFlags(flags)
	flags.DurationVar(&s.idleAfter, "idle-after", 0, "let all peers go once the journal has had no reader for so long, until one comes; 0 for never")
	flags.StringVar(&s.dataDir, "datadir", "", "folder of this instance (default ~/.blockgate/NETWORK)")
	flags.StringVar(&s.nats, "nats", "", "URL of a NATS server with JetStream, instead of the bundled broker")
	flags.StringVar(&s.creds, "creds", "", "with --nats: file with JWT credentials or an nkey seed")
	flags.StringVar(&s.natsListen, "nats-listen", defaultNatsListen, "where the bundled broker listens; loopback only")
	flags.StringVar(&s.httpListen, "http-listen", defaultHTTPListen, "where /metrics, /livez, /readyz and /startupz are served, host:port; empty for nowhere")
	s.readiness.addFlags(flags)
	s.journalSize = defaultJournalSize
	flags.Var(&s.journalSize, "journal-size", "how much the journal may hold on disk")
	flags.IntVar(&s.parsers, "parsers", defaultParsers, fmt.Sprintf("blocks parsed at a time, 2..%d, each by a confined process; %d more stand by", maxParsers, pool.Standby))
	flags.Var(&s.minimumWork, "minimum-chain-work", "work below which no chain is followed (default: the network's own, from Bitcoin Core)")
	flags.Int32Var(&s.startHeight, "start-height", 0, "first height of a new journal; 1 for the whole chain (default: regtest 1, mainnet the tip less 144, others less 2016)")
	flags.StringVar(&s.startHash, "start-hash", "", "first block of a new journal, instead of --start-height")
	flags.BoolVar(&s.noLandlock, "allow-no-landlock", false, "run the cell without Landlock: for demo, parse and regtest only")
	flags.BoolVar(&s.anyPort, "any-port", false, "let the adapter connect to peers on any TCP port, not only the network's and those of --connect")
	s.reach.addFlags(flags)
	flags.BoolVar(&s.inDemo, demoFlag, false, "the service of a demo: --allow-no-landlock on any network, with loopback peers only")
	_ = flags.MarkHidden(demoFlag)
	flags.BoolVar(&s.anonymous, "anonymous-readers", false, "let readers without credentials read the whole journal, on loopback")
	flags.StringVar(&s.parserPath, "parser", "", "path of blockgate-parser (default: beside this binary)")
	flags.StringVar(&s.logFormat, "log-format", "text", "text or json")
}

// complete checks what the flags say and fills in what follows from them.
func (s *runSettings) complete(cmd *cobra.Command) error {
	if err := s.completeNetwork(); err != nil {
		return err
	}
	if !cmd.Flags().Changed("minimum-chain-work") {
		s.minimumWork.Work = s.network.Params().MinimumChainWork
	}
	if err := checkID(s.id); err != nil {
		return err
	}
	if s.logFormat != "text" && s.logFormat != "json" {
		return usagef("--log-format %q: want text or json", s.logFormat)
	}
	if s.parsers < 2 || s.parsers > maxParsers {
		return usagef("--parsers %d: want 2..%d, so that one may die while another works", s.parsers, maxParsers)
	}
	if s.journalSize < minJournalSize {
		return usagef("--journal-size %s: want at least %s", s.journalSize.String(), new(minJournalSize).String())
	}
	if s.noLandlock && s.network.Network != btc.Regtest && !s.isDemo() {
		return usagef("--allow-no-landlock: only for demo, parse and --network regtest; on %s the cell needs Landlock (Linux 5.13 or newer, lsm=landlock)", s.network.Network)
	}
	if err := s.completeStart(cmd); err != nil {
		return err
	}
	if err := s.slots.complete(); err != nil {
		return err
	}
	if err := checkIdleAfter(s.idleAfter); err != nil {
		return err
	}
	if err := s.sending.check(); err != nil {
		return err
	}
	if err := s.completeBus(cmd); err != nil {
		return err
	}
	if err := s.reach.complete(s); err != nil {
		return err
	}
	s.httpWanted = cmd.Flags().Changed("http-listen")
	if err := checkHTTPListen(s.httpListen); err != nil {
		return err
	}
	if err := s.readiness.complete(cmd.Flags(), s.network.Network, len(s.connect) > 0); err != nil {
		return err
	}
	return s.completePaths()
}

// completeNetwork wants peers for a signet that has no seeds, and a challenge by which
// its blocks can be judged.
func (s *runSettings) completeNetwork() error {
	if err := s.network.complete(); err != nil {
		return err
	}
	if _, err := s.network.solution(); err != nil {
		return err
	}
	if s.network.custom != nil && len(s.connect) == 0 {
		return usagef("--signet-challenge: a signet of your own has no seeds; name its nodes with --connect")
	}
	return nil
}

// isDemo reports whether this is the service of a demo: its peers are on this
// machine, so nothing comes from outside.
func (s *runSettings) isDemo() bool {
	outside := func(peer string) bool {
		addr, err := netip.ParseAddrPort(peer)
		return err != nil || !addr.Addr().IsLoopback()
	}
	return s.inDemo && len(s.connect) > 0 && !slices.ContainsFunc(s.connect, outside)
}

func (s *runSettings) completeStart(cmd *cobra.Command) error {
	height, hash := cmd.Flags().Changed("start-height"), cmd.Flags().Changed("start-hash")
	switch {
	case height && hash:
		return usagef("--start-height and --start-hash: give one of them")
	case height && s.startHeight < 1:
		return usagef("--start-height %d: want 1 or more; 1 is the whole chain", s.startHeight)
	case height:
		s.start = startPoint{Given: true, Height: btc.Height(s.startHeight)}
	case hash:
		parsed, err := btc.ParseHash(s.startHash)
		if err != nil {
			return usagef("--start-hash: %w", err)
		}
		s.start = startPoint{Given: true, Hash: parsed}
	}
	return nil
}

func (s *runSettings) completeBus(cmd *cobra.Command) error {
	switch {
	case s.nats == "" && s.creds != "":
		return usagef("--creds goes with --nats; the bundled broker makes its own keys")
	case s.nats == "":
		return checkLoopback(s.natsListen)
	case cmd.Flags().Changed("nats-listen"):
		return usagef("--nats and --nats-listen: give one of them; with --nats there is no bundled broker")
	}
	return checkServers(s.nats)
}

// checkServers wants the URL of a NATS server, or of several with commas.
func checkServers(list string) error {
	for server := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(server)
		if err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" {
			return usagef("--nats %q: want nats://host:port or tls://host:port", list)
		}
	}
	return nil
}

// checkID wants a name that fits into a subject of the bus.
func checkID(id string) error {
	if !idPattern.MatchString(id) {
		return usagef("--id %q: want [a-z0-9-]{1,32}", id)
	}
	return nil
}

// checkLoopback wants an address of this machine alone: what listens beyond it
// needs TLS and credentials.
func checkLoopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return usagef("--nats-listen %q: want host:port: %w", listen, err)
	}
	addr, err := netip.ParseAddr(host)
	if host != "localhost" && (err != nil || !addr.IsLoopback()) {
		return usagef("--nats-listen %q: the bundled broker listens on loopback only (127.0.0.1, ::1); use --nats with a server of your own beyond it", listen)
	}
	return nil
}

// checkHTTPListen wants an address by number, so that no name is looked up by a
// process that may not.
func checkHTTPListen(listen string) error {
	if listen == "" {
		return nil
	}
	if _, err := netip.ParseAddrPort(listen); err != nil {
		return usagef("--http-listen %q: want address:port, such as 127.0.0.1:9332, 0.0.0.0:9332 or [::1]:9332: %w", listen, err)
	}
	return nil
}

func (s *runSettings) completePaths() (err error) {
	if s.dataDir == "" {
		if s.dataDir, err = defaultDataDir(s.network.Network); err != nil {
			return err
		}
	}
	s.parserPath, err = findParser(s.parserPath)
	return err
}

// findParser returns the path of the parser: the one given, or the one beside
// this binary.
func findParser(given string) (string, error) {
	path := given
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("find blockgate-parser: %w", err)
		}
		path = filepath.Join(filepath.Dir(self), "blockgate-parser")
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", usagef("blockgate-parser: %w; build both with `make build`, or name it with --parser", err)
	case info.IsDir() || info.Mode()&0o111 == 0:
		return "", usagef("--parser %s: no executable file", path)
	}
	return filepath.Abs(path)
}
