package sandbox

import (
	"slices"
	"strings"
)

// LayerNames returns the names of all layers of all processes: the words that a
// label of a metric may have.
func LayerNames() []string {
	return []string{
		LayerUserNS, LayerMountNS, LayerNetNS, LayerPIDNS, LayerIPCNS, LayerUTSNS, LayerCgroupNS, LayerMemory,
		LayerDescriptors, LayerRoot, LayerCapabilities, LayerDumpable, LayerLandlock, LayerLandlockNet, LayerLandlockScope,
		LayerLimits, LayerSeccomp, LayerNoNewPrivs,
	}
}

// CellLayers returns the layers of a parser's cell in the order of its reports,
// without a state: what is to be looked for, also where no parser starts.
func CellLayers() []Layer {
	required := map[string]bool{LayerDescriptors: true, LayerDumpable: true, LayerLandlock: true, LayerLimits: true, LayerSeccomp: true}
	var all []Layer
	for _, name := range LayerNames() {
		if name != LayerNoNewPrivs { // told by Attest, not by a report
			all = append(all, Layer{Name: name, Required: required[name]})
		}
	}
	return all
}

// Why returns, in a few words, what the layer of that name takes from somebody who
// has taken a process over. It is empty for a name that it does not know.
func Why(layer string) string {
	switch layer {
	case LayerUserNS:
		return "any right over what is outside"
	case LayerMountNS:
		return "mounts of others"
	case LayerNetNS:
		return "every network, loopback too"
	case LayerPIDNS:
		return "sight of other processes"
	case LayerIPCNS:
		return "queues and shared memory of others"
	case LayerUTSNS:
		return "the host's name"
	case LayerCgroupNS:
		return "sight of other cgroups"
	case LayerMemory:
		return "memory of the whole machine"
	case LayerDescriptors:
		return "what a careless parent left open"
	case LayerRoot:
		return "every path, for every call"
	case LayerCapabilities:
		return "rights of root, real or in a namespace"
	case LayerDumpable:
		return "core files, and its memory by the same user"
	case LayerLandlock:
		return "opening any path"
	case LayerLandlockNet:
		return "TCP bind and connect"
	case LayerLandlockScope:
		return "signals and abstract sockets of others"
	case LayerLimits:
		return "files, processes, memory without end"
	case LayerSeccomp:
		return "all system calls but 16"
	case LayerNoNewPrivs:
		return "rights by exec"
	default:
		return ""
	}
}

// MissingLayer returns the layer that a text names which begins as the one of a
// [*MissingError] does, as a process leaves it behind that could not be confined.
func MissingLayer(text string) (layer string, ok bool) {
	_, rest, ok := strings.Cut(text, missingBegin)
	if !ok {
		return "", false
	}
	layer, _, ok = strings.Cut(rest, " ")
	return layer, ok && slices.Contains(LayerNames(), layer)
}

// missingBegin is how the text of a MissingError begins.
const missingBegin = "required sandbox layer "
