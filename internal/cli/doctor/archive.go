package doctor

import (
	"cmp"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/config"
)

// archiveHead is the ConfigMap with the head of the archive, as internal/controller/archivehead writes it.
const archiveHead = "tollkeeper-archive"

// archive looks at whether old events leave the cluster.
func (d *Doctor) archive(ctx context.Context) ([]Line, error) {
	if d.settings == nil {
		return []Line{{Skip, "Archive", "not checked, because the operator's settings are not known, or not valid", ""}}, nil
	}
	var head corev1.ConfigMap
	err := d.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: archiveHead}, &head)
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
	case head["problem"] != "":
		return Line{Fail, subject, "old events cannot be archived and deleted: " + head["problem"], "Events stay in the cluster until this is mended; nothing is lost"}
	case c.ArchiveURL == config.ArchiveNone:
		return Line{OK, subject, "events are deleted after " + keep + ", without an archive", ""}
	default:
		return Line{OK, subject, fmt.Sprintf("events leave the cluster after %s; the archive has %s in %s batches",
			keep, cmp.Or(head["events"], "0"), cmp.Or(head["batch"], "0")), ""}
	}
}
