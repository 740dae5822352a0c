// Package informers helps tests that feed informers by a stand-in for the API server.
package informers

import toolscache "k8s.io/client-go/tools/cache"

// ListOnly has informers list, and not ask for the list as a stream.
type ListOnly struct{ *toolscache.ListWatch }

// IsWatchListSemanticsUnSupported is what client-go asks for.
func (ListOnly) IsWatchListSemanticsUnSupported() bool { return true }
