package ops

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// wordy is a configuration whose sets of words are small.
func wordy(numbers func() Numbers) Config {
	return Config{
		Numbers: numbers, Reasons: []string{"stall", "oversize"}, Timeouts: []string{"stall"}, Outcomes: []string{"proven"},
		Commands: []string{"block", "inv"}, Verdicts: []string{"drop"}, Alarms: []string{"clock"}, Queues: []string{"events"}, States: []string{"seen"},
	}
}

// shown returns the lines of a scrape that are no comments.
func shown(t *testing.T, config Config) map[string]string {
	t.Helper()
	m, err := NewMetrics(config)
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if answer.Code != 200 {
		t.Fatalf("%d: %s", answer.Code, answer.Body)
	}
	lines := map[string]string{}
	for line := range strings.Lines(answer.Body.String()) {
		if i := strings.LastIndexByte(line, ' '); i > 0 && !strings.HasPrefix(line, "#") {
			lines[line[:i]] = strings.TrimSpace(line[i+1:])
		}
	}
	return lines
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	n := Numbers{
		Known: true, PeersHeight: 900003, HeadersHeight: 900002, JournalHeight: 900001, FinalHeight: 899900, TipAge: 90 * time.Second,
		Groups: 5, GroupsAgree: 4, Peers: 6, Addresses: 70000, Parked: 2, Held: true, Idle: true, Transactions: map[string]uint64{"seen": 22}, BlocksPerSecond: 1.5, Bodies: 3, Budget: 100, BudgetUsed: 40,
		BudgetWaiting: 1, ReorgDepth: 2, Queues: map[string]uint64{"events": 9}, Healthy: map[string]bool{"live": true}, Failing: map[string]bool{"held": true},
		Dials: 11, DialsFailed: 12, Connected: 13, Headers: 14, Reorgs: 15, Connects: 16, Disconnect: 17, Resets: 23, Doubtful: 24, BytesIn: 18, BytesOut: 19,
		Ends: map[string]uint64{"stall": 3, "new one": 4, "another": 1}, Bans: map[string]uint64{"oversize": 1}, Timeouts: map[string]uint64{"stall": 3},
		Outcomes: map[string]uint64{"proven": 20}, Alarms: map[string]uint64{"clock": 1},
		Received: map[string]uint64{"block": 21, "inv": 1, "other": 5}, Sent: map[string]uint64{"ping\"\n": 2}, Dropped: map[string]uint64{"drop": 6},
	}
	got := shown(t, wordy(func() Numbers { return n }))
	for series, want := range map[string]string{
		`blockgate_height{of="peers"}`: "900003", `blockgate_height{of="headers"}`: "900002", `blockgate_height{of="journal"}`: "900001",
		`blockgate_height{of="final"}`: "899900", `blockgate_tip_age_seconds`: "90", `blockgate_blocks_per_second`: "1.5",
		`blockgate_netgroups{of="peers"}`: "5", `blockgate_netgroups{of="agree"}`: "4", `blockgate_peers`: "6", `blockgate_known_addresses`: "70000",
		`blockgate_health{probe="live"}`: "1", `blockgate_health{probe="ready"}`: "0", `blockgate_not_ready{reason="held"}`: "1", `blockgate_not_ready{reason="clock"}`: "0",
		`blockgate_parked_blocks`: "2", `blockgate_held`: "1", `blockgate_idle`: "1", `blockgate_transactions_total{state="seen"}`: "22", `blockgate_queue_depth{queue="events"}`: "9",
		`blockgate_body_budget_bytes{of="all"}`: "100", `blockgate_body_budget_bytes{of="used"}`: "40", `blockgate_body_budget_waiting`: "1",
		`blockgate_bodies_held`: "3", `blockgate_reorg_depth_blocks`: "2", `blockgate_reorgs_total`: "15",
		`blockgate_journal_events_total{kind="connect"}`: "16", `blockgate_journal_events_total{kind="disconnect"}`: "17", `blockgate_journal_events_total{kind="reset"}`: "23",
		`blockgate_dials_total`: "11", `blockgate_dials_failed_total`: "12", `blockgate_connections_total`: "13", `blockgate_headers_received_total`: "14", `blockgate_bodies_doubtful_total`: "24",
		`blockgate_disconnects_total{reason="stall"}`: "3", `blockgate_disconnects_total{reason="oversize"}`: "0", `blockgate_disconnects_total{reason="other"}`: "5",
		`blockgate_bans_total{reason="oversize"}`: "1", `blockgate_timeouts_total{reason="stall"}`: "3", `blockgate_timeouts_total{reason="other"}`: "0",
		`blockgate_bodies_total{outcome="proven"}`: "20", `blockgate_alarms_total{code="clock"}`: "1",
		`blockgate_messages_received_total{type="block"}`: "21", `blockgate_messages_received_total{type="other"}`: "5",
		`blockgate_messages_sent_total{type="block"}`: "0", `blockgate_messages_sent_total{type="other"}`: "2",
		`blockgate_messages_discarded_total{verdict="drop"}`: "6", `blockgate_message_bytes_total{direction="in"}`: "18", `blockgate_message_bytes_total{direction="out"}`: "19",
		`tip_height`: "900002", `available_connections`: "6", `known_peer_addresses`: "70000", `block_cache_elements`: "3", `connection_total`: "11",
		`bitcoin_network_messages_received_total{type="inv"}`: "1", `bitcoin_network_messages_sent_total{type="other"}`: "2",
	} {
		if got[series] != want && strings.TrimSuffix(got[series], "e+06") != want && got[series] != fmt.Sprintf("%g", parse(want)) {
			t.Errorf("%s is %q, want %s", series, got[series], want)
		}
	}
	for series := range got {
		if strings.Contains(series, "new one") || strings.Contains(series, `ping\"`) {
			t.Errorf("a word that is of no set: %s", series)
		}
	}
}

func parse(text string) (value float64) {
	_, _ = fmt.Sscan(text, &value)
	return value
}

// TestNumbersUnknown: before the adapter knows anything nothing is shown of it, so
// that no dashboard takes 0 for a height.
func TestNumbersUnknown(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]Config{"nothing known": wordy(func() Numbers { return Numbers{HeadersHeight: 7} }), "nobody to ask": wordy(nil)} {
		for series := range shown(t, config) {
			if strings.HasPrefix(series, "blockgate_height") || series == "tip_height" {
				t.Errorf("%s: %s", name, series)
			}
		}
	}
}

// TestSeriesAreFew: however many words there may be, the series of the adapter are
// bounded by the sets that were given at the start.
func TestSeriesAreFew(t *testing.T) {
	t.Parallel()
	var words []string
	for i := range MaxWords {
		words = append(words, fmt.Sprintf("w%d", i))
	}
	many := map[string]uint64{}
	for i := range 10000 {
		many[fmt.Sprintf("x%d", i)] = 1
	}
	config := wordy(func() Numbers {
		return Numbers{Known: true, Ends: many, Bans: many, Timeouts: many, Outcomes: many, Alarms: many, Received: many, Sent: many, Dropped: many, Queues: many}
	})
	config.Reasons = words
	got := shown(t, config)
	if got[`blockgate_disconnects_total{reason="other"}`] != "10000" {
		t.Errorf("others: %q", got[`blockgate_disconnects_total{reason="other"}`])
	}
	if len(got) > 2*(MaxWords+1)+150 {
		t.Errorf("%d series", len(got))
	}
	config.Reasons = append(words, "w")
	if _, err := NewMetrics(config); err == nil {
		t.Error("one word too many")
	}
}

// TestMetricsAreDocumented holds the table of docs/metrics.md to what is registered,
// both ways.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	config := wordy(nil)
	registered := []string{"blockgate_build_info", "blockgate_sandbox_layer", "blockgate_parser_deaths_total", "blockgate_restarts_total"}
	labels := map[string]string{}
	for _, f := range families(&config) {
		registered = append(registered, f.name)
		labels[f.name] = f.label
		if f.help == "" || strings.HasSuffix(f.name, "_total") != f.counter {
			t.Errorf("%s: counter %v, help %q", f.name, f.counter, f.help)
		}
	}
	var documented []string
	row := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (gauge|counter) \\| ([^|]*)\\|")
	for _, found := range row.FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, found[1])
		if label, ours := labels[found[1]]; ours && strings.Trim(found[3], " `") != label {
			t.Errorf("%s has the label %q, the document says %q", found[1], label, found[3])
		}
		if counts := strings.HasSuffix(found[1], "_total"); counts != (found[2] == "counter") {
			t.Errorf("%s is documented as a %s", found[1], found[2])
		}
	}
	for _, name := range registered {
		if !slices.Contains(documented, name) {
			t.Errorf("docs/metrics.md has no row for %s", name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(registered, name) {
			t.Errorf("docs/metrics.md has a row for %s, which is not there", name)
		}
	}
	for _, code := range ReasonCodes() {
		page, err := os.ReadFile("../docs/operate.md")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), "| `"+code+"` |") {
			t.Errorf("docs/operate.md does not say what %s means", code)
		}
	}
}
