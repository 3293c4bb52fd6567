package sandbox

// LayerNames returns the names of all layers of all processes: the words that a
// label of a metric may have.
func LayerNames() []string {
	return []string{
		LayerUserNS, LayerMountNS, LayerNetNS, LayerPIDNS, LayerIPCNS, LayerUTSNS, LayerCgroupNS, LayerMemory,
		LayerDescriptors, LayerRoot, LayerCapabilities, LayerDumpable, LayerLandlock, LayerLandlockNet, LayerLandlockScope,
		LayerLimits, LayerSeccomp, LayerNoNewPrivs,
	}
}
