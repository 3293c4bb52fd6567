package sandbox

// LayerNames returns the names of all layers, in the order in which reports have
// them: the words that a label of a metric may have.
func LayerNames() []string {
	return []string{
		LayerUserNS, LayerMountNS, LayerNetNS, LayerPIDNS, LayerIPCNS, LayerUTSNS, LayerCgroupNS, LayerMemory,
		LayerDescriptors, LayerRoot, LayerCapabilities, LayerDumpable, LayerLandlock, LayerLandlockNet, LayerLandlockScope,
		LayerLimits, LayerSeccomp,
	}
}
