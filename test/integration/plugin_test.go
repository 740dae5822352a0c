package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/command"
	"github.com/tollkeeper/tollkeeper/internal/cli/explain"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/importer"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// The user of the plugin in most tests. The role support-role is bound to it.
const supporter = "grace@kite.example"

// plugin runs commands of kubectl tollkeeper.
type plugin struct {
	t          *testing.T
	kubeconfig string
	arguments  []string
	ctx        context.Context
	// environment reads environment variables.
	environment func(string) string
	// typed is what the user types; empty if there is no terminal.
	typed string
}

// newPlugin returns a plugin whose commands have these arguments in front.
func newPlugin(t *testing.T, arguments ...string) plugin {
	return plugin{t: t, kubeconfig: adminKubeconfig(t), arguments: arguments, ctx: t.Context(), environment: func(string) string { return "" }}
}

// try runs a command, and returns what it printed.
func (p plugin) try(arguments ...string) (out, problems string, err error) {
	p.t.Helper()
	var stdout, stderr strings.Builder
	environment := command.Environment{Out: &stdout, Err: &stderr, Getenv: p.environment, Now: time.Now, Version: "test"}
	if p.typed != "" {
		environment.In = strings.NewReader(p.typed)
	}
	root := command.New(environment)
	root.SetArgs(append(append([]string{"--kubeconfig", p.kubeconfig}, p.arguments...), arguments...))
	err = root.ExecuteContext(p.ctx)
	return stdout.String(), stderr.String(), err
}

// run runs a command that must succeed.
func (p plugin) run(arguments ...string) string {
	p.t.Helper()
	out, problems, err := p.try(arguments...)
	if err != nil {
		p.t.Fatalf("kubectl tollkeeper %s: %v\n%s%s", strings.Join(arguments, " "), err, out, problems)
	}
	return out
}

// refuses runs a command that must fail with an error that has each text.
func (p plugin) refuses(arguments []string, says ...string) {
	p.t.Helper()
	out, _, err := p.try(arguments...)
	if err == nil {
		p.t.Errorf("kubectl tollkeeper %s succeeds:\n%s", strings.Join(arguments, " "), out)
		return
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			p.t.Errorf("kubectl tollkeeper %s says %q, want it to say %q", strings.Join(arguments, " "), err, text)
		}
	}
}

// explained runs explain, or a command that ends with it.
func (p plugin) explained(arguments ...string) explain.Explanation {
	p.t.Helper()
	var e explain.Explanation
	if err := json.Unmarshal([]byte(p.run(append(arguments, "-o", "json")...)), &e); err != nil {
		p.t.Fatal(err)
	}
	return e
}

// shows fails unless the text has each part.
func shows(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

// supportRole reads the role as config/rbac has it.
func supportRole(t *testing.T) []rbacv1.PolicyRule {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(controlplane.Root(), "config", "rbac", "support_role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(manifest, &role); err != nil {
		t.Fatal(err)
	}
	return role.Rules
}

// bindSupport lets the supporter do in the namespace what the role permits.
func bindSupport(t *testing.T, namespace string) {
	t.Helper()
	at := metav1.ObjectMeta{Namespace: namespace, Name: "support"}
	for _, object := range []client.Object{
		&rbacv1.Role{ObjectMeta: at, Rules: supportRole(t)},
		&rbacv1.RoleBinding{
			ObjectMeta: at, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: at.Name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: supporter}},
		},
	} {
		if err := client.IgnoreAlreadyExists(cluster.Client.Create(t.Context(), object)); err != nil {
			t.Fatal(err)
		}
	}
	// The API server's authorizer sees a new binding some moments later.
	o := &operator{t: t, namespace: namespace}
	o.eventually("the role of support is in force", func() string {
		if !slices.Contains(allowedTo(t, namespace, supporter), "watch subscriptions.billing.tollkeeper.dev") {
			return "support may not watch subscriptions"
		}
		return ""
	})
}

// denied is a customer whose subscription has ended.
func denied(o *operator, id, address string) {
	o.t.Helper()
	began := time.Now().AddDate(0, 0, -3).Truncate(time.Second)
	sub := Subscription(New, "sub_"+id, "cus_"+id, "active", began, began.AddDate(0, 1, 0))
	o.send(
		Event{ID: "evt_" + id + "1", Type: "customer.created", Created: began, Shape: New, Object: Customer("cus_"+id, address, "Dan")},
		Event{ID: "evt_" + id + "2", Type: "customer.subscription.created", Created: began, Shape: New, Object: sub},
		Event{
			ID: "evt_" + id + "3", Type: "customer.subscription.deleted", Created: began.AddDate(0, 0, 1), Shape: New,
			Object: sub.With("status", "canceled").With("ended_at", began.AddDate(0, 0, 1).Unix()),
		},
	)
	o.entitled("cus_"+id, "False SubscriptionEnded")
}

// "Dan says that he is locked out, give him three days" takes two commands, under the role of support.
func TestSupportGivesThreeDaysInTwoCommands(t *testing.T) {
	o := start(t)
	denied(o, "PluginDan", "plugin.dan@kite.example")
	bindSupport(t, o.namespace)
	p := newPlugin(t, "--as", supporter, "-n", o.namespace)

	e := p.explained("explain", "Plugin.Dan@kite.example")
	if e.Entitled != "False" || e.Rule.SubscriptionID != "sub_PluginDan" || !strings.HasPrefix(e.Message, "The subscription was canceled and ended on ") ||
		e.Since == nil || len(e.Unlock) != 2 || len(e.Doubts) != 0 {
		t.Errorf("explain says %+v", e)
	}
	e = p.explained("grant", "cus_PluginDan", "--for", "72h", "--reason", "Ticket 4711")
	if e.Entitled != "True" || e.Reason != v1alpha1.ReasonOverrideGranted || len(e.Next) != 1 || time.Until(e.Next[0].At.Time).Round(time.Hour) != 72*time.Hour {
		t.Errorf("after the grant, explain says %+v", e)
	}
	if got := o.customer("cus_PluginDan").Spec.Override; got.Author != supporter || got.Reason != "Ticket 4711" {
		t.Errorf("the override is %+v", got)
	}

	_, problems, err := p.try("deny", "cus_PluginDan", "--for", "1d", "--reason", "Abuse")
	if err != nil {
		t.Fatal(err)
	}
	shows(t, problems, "This replaces an override that granted access until ", ", by "+supporter+" (Ticket 4711).")
	o.entitled("cus_PluginDan", "False OverrideDenied")
	timeline := p.run("timeline", "sub_PluginDan")
	shows(t, timeline, "customer.subscription.created", "canceled", "override Denied", "by "+supporter+" (Abuse)", "decision OverrideGranted", "decision SubscriptionEnded")
	if created, ended := strings.Index(timeline, "evt_PluginDan1"), strings.Index(timeline, "evt_PluginDan3"); created < 0 || ended < created {
		t.Errorf("the timeline is not in Stripe's order:\n%s", timeline)
	}
	if e = p.explained("auto", "evt_PluginDan3"); e.Reason != v1alpha1.ReasonSubscriptionEnded {
		t.Errorf("after auto, explain says %+v", e)
	}
	_, problems, err = p.try("auto", "cus_PluginDan")
	if err != nil {
		t.Fatal(err)
	}
	shows(t, problems, "Nothing to do")
	p.refuses([]string{"grant", "cus_PluginDan", "--for", "72h"}, "--reason is missing")
	p.refuses([]string{"explain", "cus_plugindan"}, "no customer has the id cus_plugindan in the namespace "+o.namespace, "its upper and lower case")
}

// The namespace is found: the kubeconfig's first, then all, then Tollkeeper's own. What several customers have is listed.
func TestThePluginFindsTheNamespace(t *testing.T) {
	first, second := start(t), start(t)
	denied(first, "PluginOnly", "plugin.only@kite.example")
	denied(first, "PluginTwice", "plugin.twice@kite.example")
	denied(second, "PluginTwice", "plugin.twice@kite.example")

	p := newPlugin(t)
	for _, text := range []string{
		"cus_PluginOnly", "sub_PluginOnly", "evt_PluginOnly2", "PLUGIN.only@kite.example", first.customer("cus_PluginOnly").Name,
		"customer/" + first.customer("cus_PluginOnly").Name, "bsub/" + first.subscription("sub_PluginOnly").Name,
	} {
		if got := p.explained("explain", text).Customer; got.Namespace != first.namespace || got.ID != "cus_PluginOnly" {
			t.Errorf("%s is found as %+v", text, got)
		}
	}
	name := first.customer("cus_PluginTwice").Name
	p.refuses([]string{"explain", "cus_PluginTwice"}, "2 customers have the id cus_PluginTwice", "namespace "+first.namespace, "namespace "+second.namespace,
		"Choose one by its name", "--namespace=")
	if got := p.explained("explain", "customer/"+name, "--namespace", second.namespace).Customer; got.Namespace != second.namespace {
		t.Errorf("the chosen customer is in %s", got.Namespace)
	}
	p.refuses([]string{"explain", "cus_PluginNobody"}, "no customer has the id cus_PluginNobody in any namespace")

	newcomer := newPlugin(t, "--as", "newcomer@kite.example") // without rights in any of the namespaces that are searched
	newcomer.refuses([]string{"explain", "cus_PluginOnly"}, "you may not read", "default or tollkeeper-system", "--namespace", "tollkeeper-support-role")
	stranger := newPlugin(t, "--as", "mallory", "-n", first.namespace)
	stranger.refuses([]string{"explain", "cus_PluginOnly"}, "you may not read Tollkeeper's resources in the namespace "+first.namespace)
	stranger.refuses([]string{"events", "--failed"}, "Ask an administrator for the ClusterRole tollkeeper-support-role")
}

// A failed event says why, and is tried again by support. What was asked of the operator is answered.
func TestThePluginAsksTheOperator(t *testing.T) {
	world := signUp()
	_, withStripe := stripe(t, world)
	o := start(t, withStripe, func(c *config.Config) { c.Import, c.EventAttempts = config.ImportSubscribers, 1 })
	customer, sub := world.Objects("customer")[0].ID(), world.Objects("subscription")[0].ID()
	o.send(world.Events()...)
	o.send(Event{
		ID: "evt_PluginBroken", Type: "invoice.paid", Created: time.Now(), Shape: New,
		Object: Object{"id": "in_1", "object": "invoice", "customer": customer, "status": 5},
	})
	o.entitled(customer, "True SubscriptionActive")
	o.outcome("evt_PluginBroken", v1alpha1.OutcomeFailed)
	o.imported(patience)
	bindSupport(t, o.namespace)
	support, admin := newPlugin(t, "--as", supporter, "-n", o.namespace), newPlugin(t, "-n", o.namespace)

	shows(t, support.run("events", "--failed"), "evt_PluginBroken", "Failed", "status: want")
	shows(t, support.run("events", customer), "evt_PluginBroken", "customer.created")
	shows(t, support.run("top"), "1 customer, 1 entitled", "SubscriptionActive", "Failed events      1;", "Pending events     none")
	out, _, err := support.try("retry", "--failed", "--wait")
	shows(t, out, "evt_PluginBroken", "Failed")
	if err == nil || !strings.Contains(err.Error(), "1 event failed again") {
		t.Errorf("retry ends with %v", err)
	}
	if o.event("evt_PluginBroken").Status.Retried == "" {
		t.Error("the event was not tried again")
	}
	support.refuses([]string{"retry", world.Events()[0].ID}, "has not failed", "its outcome is ")
	support.refuses([]string{"retry"}, "name events")

	world.Amend(sub, func(s Object) { s["status"] = "unpaid" })
	shows(t, support.run("resync", customer, "--wait"), "was compared with Stripe", "was repaired", sub)
	o.entitled(customer, "False PaymentFailed")

	shows(t, support.run("import", "--status"), "platform: done")
	support.refuses([]string{"import"}, "request an import", "Ask an administrator to request it", "import --status")
	out, _, err = admin.try("import", "--wait", "--timeout", "1s") // the operator looks for requests every 30 s
	if err == nil || !strings.Contains(err.Error(), "is not over within 1s (waiting for the operator to take up the request)") {
		t.Errorf("import ends with %v\n%s", err, out)
	}
}

// An import that was asked for is followed to its end. The test answers in the operator's place, which takes half a minute.
func TestThePluginFollowsAnImport(t *testing.T) {
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlugin(t, "-n", namespace)
	p.refuses([]string{"import"}, "there is no ConfigMap tollkeeper-import in the namespace "+namespace)
	stored := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: importer.ConfigMapName}}
	stored.Data = map[string]string{"platform": `{"phase":"Done","imported":1}`}
	if err := cluster.Client.Create(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	answer := func(phase importer.Phase, imported int) {
		o := &operator{t: t, namespace: namespace}
		o.eventually("the request is answered", func() string {
			if err := cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(stored), stored); err != nil {
				return err.Error()
			}
			request := stored.Annotations[importer.AnnotationImport]
			if request == "" {
				return "there is no request"
			}
			stored.Data = map[string]string{"answered-request": request, "platform": fmt.Sprintf(`{"phase":%q,"imported":%d}`, phase, imported)}
			if err := cluster.Client.Update(t.Context(), stored); err != nil {
				return err.Error()
			}
			return ""
		})
	}
	ended := make(chan string)
	go func() {
		out, progress, err := p.try("import", "--wait")
		ended <- fmt.Sprintf("%s%s%v", progress, out, err)
	}()
	answer(importer.Customers, 2)
	o := &operator{t: t, namespace: namespace}
	o.eventually("the status shows the progress", func() string {
		if out := p.run("import", "--status"); out != "platform: customers, 2 objects imported\n" {
			return out
		}
		return ""
	})
	answer(importer.Done, 3)
	shows(t, <-ended, "platform: done, 3 objects imported", "The import is done.", "<nil>")
}

// The role of support permits what the plugin's commands need, and nothing else.
func TestTheRightsOfSupport(t *testing.T) {
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	bindSupport(t, namespace)
	allowed := allowedTo(t, namespace, supporter)
	want := []string{
		"get billingevents.billing.tollkeeper.dev", "get configmaps. tollkeeper-archive", "get configmaps. tollkeeper-import", "get customers.billing.tollkeeper.dev",
		"get deployments.apps tollkeeper-controller-manager", "get emails.billing.tollkeeper.dev", "get events", "get events.events.k8s.io",
		"get leases.coordination.k8s.io leader.billing.tollkeeper.dev", "get subscriptions.billing.tollkeeper.dev",
		"list billingevents.billing.tollkeeper.dev", "list customers.billing.tollkeeper.dev", "list emails.billing.tollkeeper.dev", "list events",
		"list events.events.k8s.io", "list subscriptions.billing.tollkeeper.dev",
		"patch billingevents.billing.tollkeeper.dev", "patch customers.billing.tollkeeper.dev",
		"watch billingevents.billing.tollkeeper.dev", "watch customers.billing.tollkeeper.dev", "watch emails.billing.tollkeeper.dev", "watch events",
		"watch events.events.k8s.io", "watch subscriptions.billing.tollkeeper.dev",
	}
	if diff := cmp.Diff(want, allowed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// pluginAsInstalled runs the plugin beside the installed manifests: the doctor finds them whole, and support may do with the
// policies in force what its commands do.
func pluginAsInstalled(t *testing.T) {
	bindSupport(t, installedNamespace)
	out, _, _ := newPlugin(t, "-n", installedNamespace).try("doctor") // fails: there are no pods
	shows(t, out, "ok    CRDs           5 installed, all of this plugin's version", "ok    Policies       7 in force",
		"ok    Rights         the account tollkeeper-controller-manager has the ", "fail  Deployment     0 of 2 replicas available")
	out, _, _ = newPlugin(t, "-n", installedNamespace, "--as", supporter).try("doctor")
	shows(t, out, `skip  CRDs           not checked, because you may not read it: you cannot get resource "customresourcedefinitions"`, "skip  Keys",
		"fail  Deployment     0 of 2 replicas available", "warn  Customers      2 customers, 1 entitled; not ready: 1 EventsFailed")

	access := &rest.Config{Host: cluster.Config.Host, BearerToken: tokenOf(t, installedNamespace, controllersAccount), QPS: -1}
	access.CAData = cluster.Config.CAData
	o := startAs(t, access, installedNamespace)
	denied(o, "PluginInstalled", "plugin.installed@kite.example")
	o.send(Event{
		ID: "evt_PluginInstalledBroken", Type: "invoice.paid", Created: time.Now(), Shape: New,
		Object: Object{"id": "in_1", "object": "invoice", "customer": "cus_PluginInstalled", "status": 5},
	})
	o.outcome("evt_PluginInstalledBroken", v1alpha1.OutcomeFailed)
	p := newPlugin(t, "--as", supporter) // the namespace is found, although support may not search in all
	if e := p.explained("grant", "cus_PluginInstalled", "--for", "3d", "--reason", "Ticket 4711"); e.Reason != v1alpha1.ReasonOverrideGranted {
		t.Errorf("after the grant, explain says %+v", e)
	}
	if e := p.explained("auto", "cus_PluginInstalled"); e.Reason != v1alpha1.ReasonSubscriptionEnded {
		t.Errorf("after auto, explain says %+v", e)
	}
	p.run("resync", "cus_PluginInstalled")
	out, _, err := p.try("retry", "evt_PluginInstalledBroken", "--wait")
	shows(t, out, "evt_PluginInstalledBroken")
	if err == nil || !strings.Contains(err.Error(), "1 event failed again") {
		t.Errorf("retry ends with %v", err)
	}
	asUser := rest.CopyConfig(cluster.Config)
	asUser.Impersonate = rest.ImpersonationConfig{UserName: supporter}
	failed, asSupport := o.event("evt_PluginInstalledBroken"), clientFor(t, asUser)
	for value, isAllowed := range map[string]bool{
		supporter + ": Ticket 4711": true, supporter + ": ": false, "mallory@kite.example: Ticket 4711": false, "Ticket 4711": false, supporter: false, "": false,
	} {
		err := patch(t, failed, dismissed(value))(asSupport)
		if isAllowed && err != nil || !isAllowed && (!apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "must begin with your user name")) {
			t.Errorf("support dismisses a failed event as %q: %v", value, err)
		}
	}
	shows(t, p.run("dismiss", "evt_PluginInstalledBroken", "--reason", "Ticket 4711"), "By "+supporter)
}

// A report holds nothing that is personal, and what a developer needs.
func TestAReportIsRedacted(t *testing.T) {
	o := start(t, func(c *config.Config) { c.EventAttempts = 1 })
	began := time.Now().AddDate(0, 0, -1).Truncate(time.Second)
	customer := Customer("cus_PluginReport", "canary.mail@kite.example", "Canary Lovelace").With("metadata", Object{"tollkeeper_tenant": "canary-tenant"})
	o.send(
		Event{ID: "evt_PluginReport1", Type: "customer.created", Created: began, Shape: New, Object: customer},
		Event{ID: "evt_PluginReport2", Type: "customer.subscription.created", Created: began, Shape: New,
			Object: Subscription(New, "sub_PluginReport", "cus_PluginReport", "active", began, began.AddDate(0, 1, 0))},
		Event{ID: "evt_PluginReport3", Type: "charge.succeeded", Created: began, Shape: New,
			Object: Charge(New, "ch_PluginReport", "cus_PluginReport", "", "succeeded", began)},
		Event{ID: "evt_PluginReport4", Type: "invoice.paid", Created: began, Shape: New,
			Object: Object{"id": "in_1", "object": "invoice", "customer": "cus_PluginReport", "paid": "canary-paid", "customer_email": "canary.mail@kite.example"}},
	)
	o.entitled("cus_PluginReport", "True SubscriptionActive")
	o.outcome("evt_PluginReport4", v1alpha1.OutcomeFailed)
	p := newPlugin(t, "-n", o.namespace)
	p.run("deny", "cus_PluginReport", "--for", "1h", "--reason", "canary-reason")
	p.run("dismiss", "evt_PluginReport4", "--reason", "canary-dismissal")
	o.annotate(o.event("evt_PluginReport4"), v1alpha1.AnnotationRetry, "canary-retry") // the dismissal gets into the status
	o.eventually("the dismissal has ended", func() string {
		if !strings.Contains(o.event("evt_PluginReport4").Status.EndedDismissal, "canary-dismissal") {
			return "it has not"
		}
		return ""
	})
	if got := o.customer("cus_PluginReport"); got.Status.Email != "canary.mail@kite.example" || got.Status.Metadata["tenant"] != "canary-tenant" {
		t.Fatalf("the canaries are not in the cluster: %+v", got.Status)
	}
	out := p.run("report", "cus_PluginReport")
	shows(t, out, "kind: Customer", "kind: Subscription", "evt_PluginReport4", "outcome: Failed", "plan: pro-monthly", "doctor:", "entitled:", "reason: OverrideDenied")
	for _, personal := range []string{"canary", "Canary", "kite.example", "4242"} {
		if at := strings.Index(out, personal); at >= 0 {
			t.Errorf("the report has %q: …%s…", personal, out[max(0, at-80):min(len(out), at+80)])
		}
	}
}
