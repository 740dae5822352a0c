package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/archivenote"
	"github.com/tollkeeper/tollkeeper/internal/cli/lists"
	"github.com/tollkeeper/tollkeeper/internal/cli/restore"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
	"github.com/tollkeeper/tollkeeper/internal/config"
)

// archiveURL is the environment variable that names the archive.
const archiveURL = "TOLLKEEPER_ARCHIVE_URL"

// archiveFlag is the flag that names the noted archive in a command for the user to run, after a space; empty if the environment names
// one. The operator notes an archive's URL without most parameters.
func (p *plugin) archiveFlag(noted string) string {
	if p.Getenv(archiveURL) != "" {
		return ""
	}
	return fmt.Sprintf(" --archive-url='%s'", cmp.Or(noted, "URL"))
}

func addArchiveFlag(cmd *cobra.Command, location *string) {
	cmd.Flags().StringVar(location, "archive-url", "", "URL of the archive, as the operator has it; else the variable "+archiveURL)
}

// openArchive opens the archive that the flag or the environment names, to read it.
func (p *plugin) openArchive(ctx context.Context, location string) (*archive.Archive, error) {
	location = cmp.Or(location, p.Getenv(archiveURL))
	switch location {
	case "":
		return nil, fmt.Errorf("name the archive with --archive-url or in %s, such as s3://bucket: it is the operator's --archive-url", archiveURL)
	case config.ArchiveNone:
		return nil, errors.New("with --archive-url=none, the operator deletes old events without an archive: there is nothing to read. " +
			"If there was an archive before, name its URL, such as s3://bucket")
	}
	a, err := archive.OpenExisting(ctx, location)
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	return a, nil
}

// archiveAndPrinter is what every command that reads the archive begins with. The caller closes the archive.
func (p *plugin) archiveAndPrinter(ctx context.Context, location string) (*archive.Archive, show.Printer, error) {
	printer, err := p.printer()
	if err != nil {
		return nil, printer, err
	}
	a, err := p.openArchive(ctx, location)
	return a, printer, err
}

func (p *plugin) archive() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "archive",
		Short: "Check, list and read the archive of events",
		Long:  `Check, list and read the archive of events that left the cluster.`,
	}
	cmd.AddCommand(p.archiveVerify(), p.archiveList(), p.archiveRestore())
	return cmd
}

func (p *plugin) archiveVerify() *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every file of the archive and the chain of its batches",
		Long: `Check the archive: that each batch follows the one before, every file's hash and count, the hash of all personal data, and
that there are no other files. It lists all problems, and ends with 1 if there is one.

A chain does not show that its end was cut off. So the end is compared with the one that the operator has noted in the
cluster, if the cluster can be asked. It reads the whole archive.`,
		Example: `  kubectl tollkeeper archive verify --archive-url=s3://acme-billing-archive
  kubectl tollkeeper archive verify --archive-url=file:///mnt/archive -o json`,
		Args: nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, printer, err := p.archiveAndPrinter(cmd.Context(), location)
			if err != nil {
				return err
			}
			defer a.Close()
			report, err := p.verify(cmd.Context(), a, p.notedHead)
			if err != nil {
				return err
			}
			if err := p.printReport(printer, report); err != nil {
				return err
			}
			if len(report.Problems) > 0 {
				return fmt.Errorf("the archive has %s", say.Count(len(report.Problems), "problem"))
			}
			return nil
		},
	}
	addArchiveFlag(cmd, &location)
	return cmd
}

// verify checks the archive, and compares its end with the one that is noted. That is read first: a batch that is written meanwhile
// is noted after it, and does not look as if it were missing.
func (p *plugin) verify(
	ctx context.Context, a *archive.Archive, notedHead func(context.Context) (archive.Head, error),
) (archive.Report, error) {
	noted, unknown := notedHead(ctx)
	report, err := a.Verify(ctx)
	if err != nil {
		return report, fmt.Errorf("read the archive: %w", err)
	}
	switch {
	case unknown != nil:
		p.note("The end of the chain is not compared with the cluster: %s.", unknown)
	case noted.Batch == 0:
		p.note("The end of the chain is not compared with the cluster: it has noted none.")
	default:
		report.Problems = append(report.Problems, compareHead(ctx, a, report.Head, noted)...)
	}
	return report, nil
}

func (p *plugin) printReport(printer show.Printer, report archive.Report) error {
	if printer.Format.IsForPrograms() {
		return printer.Object(report)
	}
	p.note("%s in %s, %s; %s of personal data, %s.",
		say.Count(int(report.Events), "event"), say.Count(int(report.Files), "file"), size(report.Bytes),
		say.Count(int(report.Personal), "line"), say.Count(int(report.Erasures), "erasure"))
	if report.Head.Batch > 0 {
		p.note("The chain ends with batch %d, whose manifest has the SHA-256 %s.", report.Head.Batch, report.Head.SHA256)
	}
	if len(report.Problems) == 0 {
		p.note("Everything is as it was written.")
		return nil
	}
	var rows [][]show.Cell
	for _, problem := range report.Problems {
		rows = append(rows, []show.Cell{{Text: batchNumber(problem.Batch)}, {Text: problem.Path}, {Text: problem.What, Tone: show.Bad}})
	}
	return printer.Rows([]show.Column{{Name: "BATCH"}, {Name: "FILE"}, {Name: "PROBLEM"}}, rows)
}

func batchNumber(batch int64) string {
	if batch == 0 {
		return ""
	}
	return strconv.FormatInt(batch, 10)
}

func size(bytes int64) string {
	switch {
	case bytes >= 10_000_000:
		return fmt.Sprintf("%d MB", bytes/1_000_000)
	case bytes >= 10_000:
		return fmt.Sprintf("%d KB", bytes/1_000)
	default:
		return say.Count(int(bytes), "byte")
	}
}

// compareHead compares the end of the archive with the one that the operator has noted.
func compareHead(ctx context.Context, a *archive.Archive, head, noted archive.Head) []archive.Problem {
	if noted.Batch > head.Batch {
		return []archive.Problem{{Batch: noted.Batch, What: fmt.Sprintf("the cluster has noted batch %d, and the archive ends with batch %d: "+
			"its end is missing, or it is another archive", noted.Batch, head.Batch)}}
	}
	for summary, err := range a.Batches(ctx) {
		if err != nil {
			return nil // Verify has said what is wrong with it
		}
		if summary.Batch == noted.Batch && summary.SHA256 != noted.SHA256 {
			return []archive.Problem{{Batch: noted.Batch, What: "the cluster has noted another manifest for this batch: the chain was replaced " +
				"from here, or it is another archive"}}
		}
	}
	return nil
}

// notedHead is the end of the archive that the operator has noted.
func (p *plugin) notedHead(ctx context.Context) (archive.Head, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	a, namespace, err := p.installation(ctx)
	if err != nil {
		return archive.Head{}, err
	}
	var noted corev1.ConfigMap
	if err := a.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: archivenote.ConfigMap}, &noted); err != nil {
		return archive.Head{}, client.IgnoreNotFound(advised(err, "read the ConfigMap "+archivenote.ConfigMap))
	}
	batch, err := strconv.ParseInt(cmp.Or(noted.Data[archivenote.Batch], "0"), 10, 64)
	return archive.Head{Batch: batch, SHA256: noted.Data[archivenote.SHA256]}, err
}

func (p *plugin) archiveList() *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the batches of the archive",
		Long:  `List the batches of the archive, with their events, and the erasures. It reads the manifests only, and checks nothing.`,
		Example: `  kubectl tollkeeper archive list --archive-url=s3://acme-billing-archive
  kubectl tollkeeper archive list --archive-url=file:///mnt/archive -o wide`,
		Args: nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, printer, err := p.archiveAndPrinter(cmd.Context(), location)
			if err != nil {
				return err
			}
			defer a.Close()
			batches := []archive.Summary{}
			for summary, err := range a.Batches(cmd.Context()) {
				if err != nil {
					return fmt.Errorf("read the archive: %w", err)
				}
				batches = append(batches, summary)
			}
			if printer.Format.IsForPrograms() {
				return printer.Object(batches)
			}
			if len(batches) == 0 {
				p.note("The archive has no batch: kubectl tollkeeper archive verify says what it has.")
				return nil
			}
			return printBatches(printer, batches)
		},
	}
	addArchiveFlag(cmd, &location)
	return cmd
}

func printBatches(printer show.Printer, batches []archive.Summary) error {
	var rows [][]show.Cell
	for _, b := range batches {
		span, content := "", say.Count(int(b.Events), "event")
		if !b.FirstCreated.IsZero() {
			span = say.Second(b.FirstCreated) + " to " + say.Second(b.LastCreated)
		}
		if b.Erasure != nil {
			content = "erasure of " + b.Erasure.CustomerID
		}
		rows = append(rows, []show.Cell{
			{Text: strconv.FormatInt(b.Batch, 10)}, {Text: say.Second(b.WrittenAt), Tone: show.Dim}, {Text: content}, {Text: size(b.Bytes)},
			{Text: span}, {Text: strconv.Itoa(b.Files)}, {Text: b.SHA256},
		})
	}
	return printer.Rows([]show.Column{
		{Name: "BATCH"}, {Name: "WRITTEN (UTC)"}, {Name: "CONTENT"}, {Name: "SIZE"}, {Name: "EVENTS FROM (UTC)"}, {Name: "FILES", Wide: true}, {Name: "SHA-256", Wide: true},
	}, rows)
}

// archiveSelection are the flags that select archived events.
type archiveSelection struct {
	location, customer string
	events             []string
	since, until       string
}

func (s *archiveSelection) add(cmd *cobra.Command) {
	addArchiveFlag(cmd, &s.location)
	cmd.Flags().StringVar(&s.customer, "customer", "", "events of this customer (cus_…)")
	cmd.Flags().StringSliceVar(&s.events, "event", nil, "these events (evt_…), separated by commas")
	cmd.Flags().StringVar(&s.since, "since", "", "events that Stripe created then or later: a day (2026-11-28) or a time (2026-11-28T10:00:00Z), UTC")
	cmd.Flags().StringVar(&s.until, "until", "", "events that Stripe created before")
}

func (s *archiveSelection) filter() (archive.Filter, error) {
	if s.customer == "" && len(s.events) == 0 && s.since == "" && s.until == "" {
		return archive.Filter{}, errors.New("select events with --customer, --event, --since or --until: an archive may hold millions")
	}
	filter := archive.Filter{CustomerID: s.customer, EventIDs: s.events}
	var err error
	if filter.Since, err = parseTime("--since", s.since); err != nil {
		return filter, err
	}
	filter.Until, err = parseTime("--until", s.until)
	return filter, err
}

func parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s=%s is no time: write a day, such as 2026-11-28, or a time, such as 2026-11-28T10:00:00Z", flag, text)
}

// archivedEvents reads the archived events that the filter selects, in Stripe's order. A file that cannot be read is an error, and
// what the others hold is given nevertheless.
func archivedEvents(ctx context.Context, a *archive.Archive, filter archive.Filter) (events []v1alpha1.BillingEvent, err error) {
	for e, failed := range a.Events(ctx, filter) {
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		events = append(events, e)
	}
	lists.SortEvents(events)
	if err = errors.Join(err, ctx.Err()); err != nil {
		err = fmt.Errorf("read the archive: %w", err)
	}
	return events, err
}

func (p *plugin) archiveRestore() *cobra.Command {
	var selection archiveSelection
	var apply bool
	cmd := &cobra.Command{
		Use:   "restore --customer=cus_… | --event=evt_… | --since=DAY --until=DAY",
		Short: "Print archived events, or bring them back into the cluster",
		Long: `Print archived events, with their personal data unless it was erased. With -o json or yaml, they are whole BillingEvents.

With --apply, they are created in the cluster again, without their status: the operator folds them, and reaches what it
reached before. Events that are there already stay as they are. Where the policies are enforced, only Tollkeeper creates
events: suspend them for the restore, as docs/operations.md#restore says. You need the right to create BillingEvents. Once the
events are settled, they are archived and leave the cluster again, after a day at the earliest.`,
		Example: `  kubectl tollkeeper archive restore --archive-url=s3://acme-billing-archive --customer=cus_Ada
  kubectl tollkeeper archive restore --archive-url=s3://acme-billing-archive --event=evt_1Ada -o yaml
  kubectl tollkeeper archive restore --archive-url=s3://acme-billing-archive --since=2026-01-01 --until=2026-02-01 --apply`,
		Args: nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := selection.filter()
			if err != nil {
				return err
			}
			a, printer, err := p.archiveAndPrinter(cmd.Context(), selection.location)
			if err != nil {
				return err
			}
			defer a.Close()
			events, unreadable := archivedEvents(cmd.Context(), a, filter)
			if unreadable != nil && apply {
				return fmt.Errorf("nothing is created: %w", unreadable)
			}
			if apply {
				return p.applyEvents(cmd.Context(), printer, events)
			}
			return errors.Join(p.printArchived(printer, events), unreadable)
		},
	}
	selection.add(cmd)
	cmd.Flags().BoolVar(&apply, "apply", false, "create the events in the cluster")
	return cmd
}

func (p *plugin) printArchived(printer show.Printer, events []v1alpha1.BillingEvent) error {
	if printer.Format.IsForPrograms() {
		return printer.Object(v1alpha1.BillingEventList{TypeMeta: listMeta("BillingEventList"), Items: events})
	}
	if len(events) == 0 {
		p.note("The archive has no such event.")
		return nil
	}
	return lists.PrintEvents(printer, events, p.Now())
}

func (p *plugin) applyEvents(ctx context.Context, printer show.Printer, events []v1alpha1.BillingEvent) error {
	a, namespace, err := p.installation(ctx)
	if err != nil {
		return err
	}
	result, err := restore.Apply(ctx, a.client, namespace, events)
	if err == nil && printer.Format.IsForPrograms() {
		return printer.Object(result)
	}
	p.note("Created %s in the namespace %s; %d were there already.", say.Count(result.Created, "event"), namespace, result.There)
	if err != nil {
		return restoreError(err, namespace)
	}
	if result.Created > 0 {
		p.note("The operator folds them now. If you have suspended the policies: kubectl label namespace %s tollkeeper.dev/policies=enforced --overwrite", namespace)
	}
	return nil
}

// restoreError says what to do about an event that cannot be created.
func restoreError(err error, namespace string) error {
	if !apierrors.IsForbidden(err) {
		return advised(err, "restore")
	}
	return fmt.Errorf("restore: %w. Only Tollkeeper creates events while the policies are enforced. An administrator suspends them:\n"+
		"  kubectl label namespace %s tollkeeper.dev/policies=suspended --overwrite\n"+
		"and sets the label to enforced again after the restore", err, namespace)
}

// withArchived adds the archived events of a customer that the cluster does not have any more.
func withArchived(ctx context.Context, a *archive.Archive, customer *v1alpha1.Customer, events []v1alpha1.BillingEvent) (all []v1alpha1.BillingEvent, archived map[string]bool, err error) {
	found, err := archivedEvents(ctx, a, archive.Filter{CustomerID: customer.Spec.CustomerID})
	archived = map[string]bool{}
	for i := range found {
		id := found[i].Spec.EventID
		isThere := slices.ContainsFunc(events, func(e v1alpha1.BillingEvent) bool { return e.Spec.EventID == id })
		if !isThere && found[i].Spec.Account == customer.Spec.Account {
			archived[id] = true
			all = append(all, found[i])
		}
	}
	return append(all, events...), archived, err
}
