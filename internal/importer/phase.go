package importer

// Phase is a word for what the importer does now: one of the phases, or NotLeading, Retrying or Refused.
func (i *Importer) Phase() string { return *i.phase.Load() }

func (i *Importer) setPhase(phase string) { i.phase.Store(&phase) }
