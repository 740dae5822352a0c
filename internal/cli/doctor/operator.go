package doctor

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/cli/find"
	"github.com/tollkeeper/tollkeeper/internal/cli/lists"
	"github.com/tollkeeper/tollkeeper/internal/cli/request"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/config"
	values "github.com/tollkeeper/tollkeeper/internal/credentials"
)

const (
	// credentials is the Secret with the keys, as config/manager names it.
	credentials = "tollkeeper-credentials"

	keyEndpoint = "STRIPE_ENDPOINT_SECRET"
	keyStripe   = "STRIPE_SECRET_KEY"
)

var mailKeys = []string{"MAILGUN_API_KEY", "MAILGUN_DOMAIN", "MAILGUN_SENDER_EMAIL"}

// keys looks at which keys the Secret has.
func (d *Doctor) keys(ctx context.Context) ([]Line, error) {
	var secret corev1.Secret
	err := d.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: credentials}, &secret)
	if apierrors.IsNotFound(err) {
		return []Line{{Warn, "Keys", "there is no Secret " + credentials + " in the namespace " + d.Namespace,
			"Create it as docs/install.md says, unless the operator runs elsewhere and gets its keys from its environment"}}, nil
	}
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for key, value := range secret.Data {
		has[key] = len(value) > 0
	}
	return append(judgeKeys(has), fingerprints(secret.Data)...), nil
}

// fingerprints tells the keys of the Secret apart without showing them: people compare them with the metric of those in use.
func fingerprints(data map[string][]byte) []Line {
	var found []string
	for _, name := range []string{keyEndpoint, keyStripe, mailKeys[0], config.EnvCloudEventsSigningSecret} {
		words := []string{name}
		for secret := range strings.SplitSeq(string(data[name]), ",") {
			if secret = strings.TrimSpace(secret); secret != "" {
				words = append(words, values.Fingerprint(secret))
			}
		}
		if len(words) > 1 {
			found = append(found, strings.Join(words, " "))
		}
	}
	if found == nil {
		return nil
	}
	return []Line{{OK, "Keys", "SHA-256 of the keys, as in the metric tollkeeper_credential_info: " + strings.Join(found, ", "), ""}}
}

func judgeKeys(has map[string]bool) []Line {
	var lines []Line
	if !has[keyEndpoint] {
		lines = append(lines, Line{Fail, "Keys", credentials + " has no " + keyEndpoint + ": the receiver does not start",
			"Add the signing secret (whsec_…) of the endpoint, which Stripe's Dashboard shows under Developers > Webhooks"})
	}
	if !has[keyStripe] {
		lines = append(lines, Line{Warn, "Keys", credentials + " has no " + keyStripe + ": missed events are not recovered, doubts stay, and thin events wait",
			"Add a restricted key, as docs/install.md says"})
	}
	var missing []string
	for _, key := range mailKeys {
		if !has[key] {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		lines = append(lines, Line{Warn, "Keys", credentials + " has no " + strings.Join(missing, ", ") + ": e-mails wait",
			"Add them, or turn e-mails off with --emails=false"})
	}
	if len(lines) == 0 {
		lines = append(lines, Line{OK, "Keys", credentials + " has the keys for Stripe and Mailgun", ""})
	}
	return lines
}

// deployment looks at whether the pods are available.
func (d *Doctor) deployment(ctx context.Context) ([]Line, error) {
	deployment, err := d.findDeployment(ctx)
	if apierrors.IsNotFound(err) {
		d.runsElsewhere = true
		return []Line{{Warn, "Deployment", "there is no Deployment " + controllers + " in the namespace " + d.Namespace,
			"Install Tollkeeper as docs/install.md says, unless the operator runs elsewhere; or name its namespace with --namespace"}}, nil
	}
	if err != nil {
		return nil, err
	}
	d.operator, d.account = deployment, deployment.Spec.Template.Spec.ServiceAccountName
	return []Line{judgeDeployment(deployment)}, nil
}

// findDeployment returns the controllers' Deployment, by its usual name or else by its labels.
func (d *Doctor) findDeployment(ctx context.Context) (*appsv1.Deployment, error) {
	var usual appsv1.Deployment
	err := d.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: controllers}, &usual)
	if !apierrors.IsNotFound(err) {
		return &usual, err
	}
	var all appsv1.DeploymentList
	ours := client.MatchingLabels{"app.kubernetes.io/name": "tollkeeper"}
	if listErr := d.Client.List(ctx, &all, client.InNamespace(d.Namespace), ours); listErr != nil {
		return nil, err // with the role for support, only the usual name can be read
	}
	for i := range all.Items {
		if all.Items[i].Spec.Template.Labels["control-plane"] == "controller-manager" {
			return &all.Items[i], nil
		}
	}
	return nil, err
}

func judgeDeployment(deployment *appsv1.Deployment) Line {
	wanted := int32(1)
	if deployment.Spec.Replicas != nil {
		wanted = *deployment.Spec.Replicas
	}
	image := "no image"
	if containers := deployment.Spec.Template.Spec.Containers; len(containers) > 0 {
		image = containers[0].Image
	}
	line := Line{
		OK, "Deployment", fmt.Sprintf("%d of %s available, %s", deployment.Status.AvailableReplicas, say.Count(int(wanted), "replica"), image), "",
	}
	look := fmt.Sprintf("Look at the pods: kubectl -n %s get pods; kubectl -n %s logs deployment/%s", deployment.Namespace, deployment.Namespace, deployment.Name)
	switch {
	case deployment.Status.AvailableReplicas == 0:
		line.Status, line.Advice = Fail, look
	case deployment.Status.AvailableReplicas < wanted:
		line.Status, line.Advice = Warn, look
	}
	return line
}

// leader looks at the Lease.
func (d *Doctor) leader(ctx context.Context) ([]Line, error) {
	var lease coordinationv1.Lease
	err := d.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: find.LeaseName}, &lease)
	if apierrors.IsNotFound(err) {
		return []Line{{Warn, "Leader", "there is no Lease " + find.LeaseName + ": no replica has led yet, or --leader-elect is off",
			"With more than one replica, set --leader-elect"}}, nil
	}
	if err != nil {
		return nil, err
	}
	return []Line{judgeLease(&lease, d.now())}, nil
}

func judgeLease(lease *coordinationv1.Lease, now time.Time) Line {
	holder := ""
	if lease.Spec.HolderIdentity != nil {
		holder, _, _ = strings.Cut(*lease.Spec.HolderIdentity, "_") // the identity is the pod's name and a UUID
	}
	if holder == "" || lease.Spec.RenewTime == nil {
		return Line{Fail, "Leader", "no replica leads: events are recorded, but not applied",
			"Look at the pods and their logs: kubectl -n " + lease.Namespace + " get pods"}
	}
	valid := 15 * time.Second
	if lease.Spec.LeaseDurationSeconds != nil {
		valid = time.Duration(*lease.Spec.LeaseDurationSeconds) * time.Second
	}
	renewed := lease.Spec.RenewTime.Time
	switch {
	case now.Sub(renewed) > 2*valid:
		return Line{Fail, "Leader", holder + " renewed its lease last " + say.Relative(renewed, now) + ": no replica leads",
			"Look at the pods and their logs: kubectl -n " + lease.Namespace + " get pods"}
	case renewed.Sub(now) > maxSkew:
		return Line{Warn, "Leader", holder + " leads, and its clock is ahead of the API server's by " + renewed.Sub(now).Round(time.Second).String(),
			"Mend the clock of its node: Stripe's signatures are refused at a difference of 5 minutes"}
	default:
		return Line{OK, "Leader", holder + " leads, and renewed its lease " + say.Relative(renewed, now), ""}
	}
}

// imports looks at how far the import is.
func (d *Doctor) imports(ctx context.Context) ([]Line, error) {
	var stored corev1.ConfigMap
	err := d.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: request.ImportConfigMap}, &stored)
	if apierrors.IsNotFound(err) {
		return []Line{{Warn, "Import", "no import was started: customers without a recorded event are missing",
			"The operator imports by itself once it has " + keyStripe + ", unless --import=None"}}, nil
	}
	if err != nil {
		return nil, err
	}
	return []Line{judgeImport(request.ReadImport(&stored, stored.Annotations[request.AnnotationImport]))}, nil
}

func judgeImport(progress request.Import) Line {
	switch {
	case progress.HasFailed():
		return Line{Fail, "Import", progress.String(), "Read the operator's log, then try again: kubectl tollkeeper import --wait"}
	case !progress.IsOver():
		return Line{Warn, "Import", progress.String(), "Wait until it is done: kubectl tollkeeper import --status. Until then, some customers are not known"}
	default:
		return Line{OK, "Import", progress.String(), ""}
	}
}

// work looks at the events, the customers and the e-mails.
func (d *Doctor) work(ctx context.Context) ([]Line, error) {
	top, err := lists.Gather(ctx, d.Client, d.Namespace, d.now())
	if err != nil {
		return nil, err
	}
	return judgeWork(top, d.now()), nil
}

const (
	// slowAfter and stuckAfter are the ages of the oldest pending event from which on it is worth a line, or a failure. The
	// alert fires at stuckAfter.
	slowAfter  = time.Minute
	stuckAfter = 10 * time.Minute
)

func judgeWork(top *lists.Top, now time.Time) []Line {
	return []Line{judgeBacklog(top, now), judgeFailed(top), judgeCustomers(top), judgeSync(top), judgeEmails(top)}
}

func judgeBacklog(top *lists.Top, now time.Time) Line {
	text := "no event waits"
	if top.Lag != nil {
		text += fmt.Sprintf("; the newest %s took %s at the median, %s at most", say.Count(top.Lag.Events, "event"), top.Lag.Median, top.Lag.Longest)
	}
	line := Line{OK, "Backlog", text, ""}
	if top.Pending == 0 {
		return line
	}
	line.Text = fmt.Sprintf("%s, the oldest of %s", say.Count(top.Pending, "pending event"), say.Relative(top.OldestPending.Time, now))
	switch age := now.Sub(top.OldestPending.Time); {
	case age > stuckAfter:
		line.Status = Fail
		line.Advice = "Read why they wait: kubectl tollkeeper events --pending. Without a message there, the leader is at fault: read its log"
	case age > slowAfter:
		line.Status = Warn
		line.Advice = "Read why they wait: kubectl tollkeeper events --pending"
	}
	return line
}

func judgeFailed(top *lists.Top) Line {
	if top.Failed == 0 && top.Dismissed > 0 {
		return Line{OK, "Failed events", "none, apart from " + say.Count(top.Dismissed, "dismissed one"), ""}
	}
	if top.Failed == 0 {
		return Line{OK, "Failed events", "none", ""}
	}
	return Line{Fail, "Failed events", say.Count(top.Failed, "event") + " could not be used: their customers' statuses lack them",
		"Read why: kubectl tollkeeper events --failed. Once the cause is gone: kubectl tollkeeper retry --failed --wait. " +
			"One that cannot be used and is dealt with: kubectl tollkeeper dismiss"}
}

func judgeCustomers(top *lists.Top) Line {
	line := Line{OK, "Customers", fmt.Sprintf("%s, %d entitled", say.Count(top.Customers, "customer"), top.Entitled["True"]), ""}
	if unknown := top.Entitled["Unknown"] + top.Entitled[lists.NotDecided]; unknown > 0 {
		line.Status = Warn
		line.Text += fmt.Sprintf(", and of %d it is not known", unknown)
		line.Advice = "Their access stays as it is. With a Stripe key they are read soon; without one, they wait for an event"
	}
	if text := lists.ByReason(top.NotReady); text != "" {
		line.Status = worst(line.Status, Warn)
		line.Text += "; not ready: " + text
		line.Advice = cmp.Or(line.Advice, "List them, and look at one with kubectl tollkeeper explain: "+listOf(top.Namespace, "Ready"))
	}
	return line
}

// listOf is the command that lists the customers with the reason of a condition.
func listOf(namespace, condition string) string {
	return fmt.Sprintf(`kubectl -n %s get customers -o custom-columns='NAME:.metadata.name,WHY:.status.conditions[?(@.type==%q)].reason'`, namespace, condition)
}

func judgeSync(top *lists.Top) Line {
	if text := lists.ByReason(top.NotInSync); text != "" {
		return Line{Warn, "In step", "customers that may differ from Stripe: " + text, "Compare one with Stripe: kubectl tollkeeper resync cus_… --wait (needs a Stripe key). List them: " + listOf(top.Namespace, "InSync")}
	}
	return Line{OK, "In step", "no customer is known to differ from Stripe", ""}
}

// fine are the reasons for which an e-mail needs no person.
var fine = map[string]bool{"Accepted": true, "Sending": true, "Planned": true, "Retrying": true, "CustomerDeleted": true}

func judgeEmails(top *lists.Top) Line {
	stuck := map[string]int{}
	for reason, n := range top.Emails {
		if !fine[reason] {
			stuck[reason] = n
		}
	}
	if len(stuck) > 0 {
		return Line{Warn, "E-mails", "not sent: " + lists.ByReason(stuck), "docs/email.md says for each reason what to do; list them: kubectl -n " + top.Namespace + " get emails"}
	}
	return Line{OK, "E-mails", cmp.Or(lists.ByReason(top.Emails), "none"), ""}
}
