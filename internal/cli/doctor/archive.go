package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/archivenote"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/config"
)

// archive looks at whether old events leave the cluster.
func (d *Doctor) archive(ctx context.Context) ([]Line, error) {
	if d.settings == nil {
		return []Line{{Skip, "Archive", "not checked, because the operator's settings are not known, or not valid", ""}}, nil
	}
	var head corev1.ConfigMap
	err := d.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: archivenote.ConfigMap}, &head)
	if client.IgnoreNotFound(err) != nil {
		return nil, err
	}
	return []Line{judgeArchive(&d.settings.Config, head.Data)}, nil
}

func judgeArchive(c *config.Config, head map[string]string) Line {
	const subject = "Archive"
	keep := fmt.Sprintf("%d days", c.EventRetention/(24*time.Hour))
	switch {
	case c.EventRetention == 0:
		return Line{Warn, subject, "events are kept for ever (--event-retention=0): etcd grows with them", "See what fits into etcd: docs/scaling.md"}
	case c.ArchiveURL == "":
		return Line{Warn, subject, "nothing is deleted, because no archive is set: etcd grows with the events",
			"Set --archive-url to a bucket or folder, or to none to delete events after " + keep + " without an archive"}
	case head[archivenote.Problem] != "":
		return Line{Fail, subject, "old events cannot be archived and deleted: " + head[archivenote.Problem], "Events stay in the cluster until this is mended; nothing is lost"}
	case c.ArchiveURL == config.ArchiveNone:
		return Line{OK, subject, "events are deleted after " + keep + ", without an archive", ""}
	default:
		events, noEvents := strconv.Atoi(cmp.Or(head[archivenote.Events], "0"))
		batches, noBatches := strconv.Atoi(cmp.Or(head[archivenote.Batch], "0"))
		if errors.Join(noEvents, noBatches) != nil {
			return Line{Fail, subject, "the ConfigMap " + archivenote.ConfigMap + " does not hold the head of the archive",
				"Delete it: the operator reads the archive again from its first batch"}
		}
		return Line{OK, subject, fmt.Sprintf("events leave the cluster after %s; the archive has %s in %s",
			keep, say.Count(events, "event"), say.Count(batches, "batch")), ""}
	}
}
