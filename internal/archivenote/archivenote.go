// Package archivenote names the ConfigMap in which the operator notes the end of its archive: the operator writes it, and the kubectl
// plugin reads it.
package archivenote

// ConfigMap is its name, in the operator's namespace.
const ConfigMap = "tollkeeper-archive"

// The keys of the ConfigMap.
const (
	// Batch is the number of the archive's last batch. Batches are numbered from 1 on, so it is how many there are.
	Batch = "batch"
	// SHA256 is the hash of the last batch's manifest.
	SHA256 = "sha256"
	// Events is how many events the batches have together.
	Events = "events"
	// Bytes is how large the batches are together.
	Bytes = "bytes"
	// GoneBefore is the time before which events, by spec.created, may have left the cluster; empty while none may have.
	GoneBefore = "goneBefore"
	// Archive is the archive's URL, of whose parameters only the prefix; empty if events are not archived.
	Archive = "archive"
	// Problem says why nothing is archived and deleted now; empty if nothing is wrong.
	Problem = "problem"
)
