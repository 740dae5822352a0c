package command

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/archivenote"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/cli/timeline"
)

// hintAtGone says that older events of the customer may have left the cluster. It says nothing if the ConfigMap of the archive
// cannot be read: there may be none, and only some users may read it.
func (p *plugin) hintAtGone(ctx context.Context, a *access, in *timeline.Input) {
	var noted corev1.ConfigMap
	if a.client.Get(ctx, client.ObjectKey{Namespace: in.Customer.Namespace, Name: archivenote.ConfigMap}, &noted) != nil {
		return
	}
	if hint := p.goneHint(noted.Data, beginningOf(in)); hint != "" {
		p.note("%s", hint)
	}
}

// beginningOf is the earliest time from which the cluster knows the customer.
func beginningOf(in *timeline.Input) time.Time {
	earliest := in.Customer.CreationTimestamp.Time
	for i := range in.Events {
		if created := in.Events[i].Spec.Created.Time; created.Before(earliest) {
			earliest = created
		}
	}
	return earliest
}

// goneHint is empty if no event since the beginning has left the cluster. The ConfigMap names no archive if events are deleted without
// one.
func (p *plugin) goneHint(noted map[string]string, beginning time.Time) string {
	goneBefore, err := time.Parse(time.RFC3339, noted[archivenote.GoneBefore])
	switch {
	case err != nil || !goneBefore.After(beginning):
		return ""
	case noted[archivenote.Archive] == "":
		return "Events before " + say.Moment(goneBefore) + " may be missing: the operator deletes old ones without an archive."
	default:
		return "Events before " + say.Moment(goneBefore) + " may be in the archive: list them too with --archived" +
			p.archiveFlag(noted[archivenote.Archive])
	}
}
