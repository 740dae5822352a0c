package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	billing "github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const billingNamespace = "tollkeeper-system"

// cluster is a real API server with Tollkeeper's CRDs and the roles of manifests/, and the controller with its own account.
type cluster struct {
	client.Client
	t *testing.T
}

func start(t *testing.T) *cluster {
	t.Helper()
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		assets = filepath.Join("..", "..", "bin", "k8s") // where `make controlplane` installs them
	}
	environment := &envtest.Environment{
		BinaryAssetsDirectory: assets, CRDDirectoryPaths: []string{filepath.Join("..", "..", "config", "crd", "bases")}, ErrorIfCRDPathMissing: true,
	}
	config, err := environment.Start()
	t.Cleanup(func() { _ = environment.Stop() })
	if err != nil {
		t.Fatal(err)
	}
	account := rest.CopyConfig(config)
	account.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:tenants:tenant-controller"}
	tenants := &tenants{billingNamespace: billingNamespace, retention: 30 * 24 * time.Hour}
	manager, err := newManager(account, tenants)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t}
	if c.Client, err = client.New(config, client.Options{Scheme: manager.GetScheme()}); err != nil {
		t.Fatal(err)
	}
	c.must(c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: billingNamespace}}))
	c.apply(filepath.Join("manifests", "rbac.yaml"))
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the manager: %v", err)
		}
	})
	go func() { ended <- manager.Start(ctx) }()
	return c
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// apply creates the objects of a file.
func (c *cluster) apply(path string) {
	c.t.Helper()
	content, err := os.ReadFile(path)
	c.must(err)
	for document := range strings.SplitSeq(string(content), "\n---\n") {
		var kind metav1.TypeMeta
		c.must(yaml.Unmarshal([]byte(document), &kind))
		object, err := c.Scheme().New(kind.GroupVersionKind())
		c.must(err)
		c.must(yaml.Unmarshal([]byte(document), object))
		c.must(c.Create(c.t.Context(), object.(client.Object)))
	}
}

// nameOf is the name of the Customer with this id: cus_Ada, or acct_1/cus_Ada for that of a connected account.
func nameOf(id string) string {
	if account, of, found := strings.Cut(id, "/"); found {
		return billing.ObjectName(account, of)
	}
	return billing.ObjectName("", id)
}

// entitled gives the customer the condition Entitled, as Tollkeeper does. It makes the customer if there is none.
func (c *cluster) entitled(id string, status metav1.ConditionStatus, entitlements map[string]billing.Value) {
	c.t.Helper()
	customer := &billing.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: billingNamespace, Name: nameOf(id)}, Spec: billing.CustomerSpec{CustomerID: id}}
	if account, of, found := strings.Cut(id, "/"); found {
		customer.Spec.Account, customer.Spec.CustomerID = account, of
	}
	if err := c.Create(c.t.Context(), customer); err != nil {
		c.must(client.IgnoreAlreadyExists(err))
		c.must(c.Get(c.t.Context(), client.ObjectKeyFromObject(customer), customer))
	}
	if status == "" {
		return
	}
	customer.Status.Entitlements = entitlements
	meta.SetStatusCondition(&customer.Status.Conditions, metav1.Condition{Type: billing.ConditionEntitled, Status: status, Reason: "Test"})
	c.must(c.Status().Update(c.t.Context(), customer))
}

// tenant describes the customer's tenant: its state, its limit of pods, its users and the replicas of its workloads.
func (c *cluster) tenant(id string) string {
	var namespace corev1.Namespace
	name := namespaceFor(nameOf(id))
	if err := c.Get(c.t.Context(), client.ObjectKey{Name: name}, &namespace); apierrors.IsNotFound(err) {
		return "none"
	}
	if !namespace.DeletionTimestamp.IsZero() {
		return "deleted"
	}
	var quota corev1.ResourceQuota
	_ = c.Get(c.t.Context(), client.ObjectKey{Namespace: name, Name: objectName}, &quota)
	users := "nobody"
	var binding rbacv1.RoleBinding
	if err := c.Get(c.t.Context(), client.ObjectKey{Namespace: name, Name: objectName}, &binding); err == nil {
		users = binding.Subjects[0].Name
	}
	text := fmt.Sprintf("%s, %s pods, %s", namespace.Labels[labelState], quota.Spec.Hard.Pods(), users)
	var deployment appsv1.Deployment
	if err := c.Get(c.t.Context(), client.ObjectKey{Namespace: name, Name: "web"}, &deployment); err == nil {
		text += fmt.Sprintf(", web %d", *deployment.Spec.Replicas)
	}
	var set appsv1.StatefulSet
	if err := c.Get(c.t.Context(), client.ObjectKey{Namespace: name, Name: "data"}, &set); err == nil {
		text += fmt.Sprintf(", data %d", *set.Spec.Replicas)
	}
	return text
}

func (c *cluster) becomes(id, want string) {
	c.t.Helper()
	got := ""
	err := wait.PollUntilContextTimeout(c.t.Context(), 20*time.Millisecond, 20*time.Second, true, func(context.Context) (bool, error) {
		got = c.tenant(id)
		return got == want, nil
	})
	if err != nil {
		c.t.Fatalf("the tenant of %s is %q, want %q", id, got, want)
	}
}

// deploy runs a Deployment and a StatefulSet in the tenant's namespace.
func (c *cluster) deploy(id string) {
	c.t.Helper()
	named := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespaceFor(nameOf(id)), Name: name}
	}
	labels := map[string]string{"app": "web"}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "example.com/web"}}},
	}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	c.must(c.Create(c.t.Context(), &appsv1.Deployment{ObjectMeta: named("web"), Spec: appsv1.DeploymentSpec{Replicas: new(int32(3)), Selector: selector, Template: template}}))
	c.must(c.Create(c.t.Context(), &appsv1.StatefulSet{ObjectMeta: named("data"), Spec: appsv1.StatefulSetSpec{Selector: selector, Template: template}}))
}

func TestTenants(t *testing.T) {
	c := start(t)
	for name, test := range map[string]func(*cluster){
		"a tenant follows its customer":   followsCustomer,
		"the retention ends":              retentionEnds,
		"another namespace is left alone": leavesNamespaceAlone,
	} {
		t.Run(name, func(t *testing.T) { test(&cluster{Client: c.Client, t: t}) })
	}
}

// The life of a tenant: provided, suspended, resumed. Everything but True and False changes nothing.
func followsCustomer(c *cluster) {
	const id = "cus_Ada"
	c.entitled(id, "", nil)
	c.entitled("cus_Eve", metav1.ConditionUnknown, nil)
	c.entitled("cus_Bob", metav1.ConditionFalse, nil)
	c.entitled("acct_1/cus_Ada", metav1.ConditionTrue, nil)
	c.entitled(id, metav1.ConditionTrue, map[string]billing.Value{"seats": "5"})
	c.becomes(id, "active, 5 pods, tenant:cus_Ada")
	c.deploy(id)
	c.entitled(id, metav1.ConditionTrue, map[string]billing.Value{"seats": "8"})
	c.becomes(id, "active, 8 pods, tenant:cus_Ada, web 3, data 1")

	c.entitled(id, metav1.ConditionFalse, nil)
	c.becomes(id, "suspended, 0 pods, nobody, web 0, data 0")
	c.entitled(id, metav1.ConditionUnknown, nil)
	c.entitled("cus_Kim", metav1.ConditionTrue, nil) // handled after Ada, as the queue is in order
	c.becomes("cus_Kim", "active, 3 pods, tenant:cus_Kim")
	c.becomes(id, "suspended, 0 pods, nobody, web 0, data 0")
	c.entitled(id, metav1.ConditionTrue, map[string]billing.Value{"seats": "5"})
	c.becomes(id, "active, 5 pods, tenant:cus_Ada, web 3, data 1")

	c.entitled(id, metav1.ConditionUnknown, nil)
	c.must(c.Delete(c.t.Context(), &billing.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: billingNamespace, Name: billing.ObjectName("", "cus_Kim")}}))
	c.entitled("cus_Lee", metav1.ConditionTrue, nil)
	c.becomes("cus_Lee", "active, 3 pods, tenant:cus_Lee")
	c.becomes(id, "active, 5 pods, tenant:cus_Ada, web 3, data 1")
	c.becomes("cus_Kim", "active, 3 pods, tenant:cus_Kim")
	for _, never := range []string{"cus_Eve", "cus_Bob", "acct_1/cus_Ada"} {
		c.becomes(never, "none")
	}
}

// A suspended tenant is deleted when its retention is over, counted from its suspension, and only while it is not entitled.
func retentionEnds(c *cluster) {
	for _, id := range []string{"cus_Ivy", "cus_Joe"} {
		c.entitled(id, metav1.ConditionTrue, nil)
		c.becomes(id, "active, 3 pods, tenant:"+id)
		c.entitled(id, metav1.ConditionFalse, nil)
		c.becomes(id, "suspended, 0 pods, nobody")
	}
	c.entitled("cus_Joe", metav1.ConditionUnknown, nil)
	for _, id := range []string{"cus_Joe", "cus_Ivy"} {
		old := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespaceFor(nameOf(id))}}
		patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, annotationSuspended, time.Now().Add(-31*24*time.Hour).Format(time.RFC3339))
		c.must(c.Patch(c.t.Context(), old, client.RawPatch("application/merge-patch+json", []byte(patch))))
	}
	c.becomes("cus_Ivy", "deleted")
	c.becomes("cus_Joe", "suspended, 0 pods, nobody")
}

// A namespace that was there before is never taken for a tenant's.
func leavesNamespaceAlone(c *cluster) {
	name := namespaceFor(billing.ObjectName("", "cus_Max"))
	c.must(c.Create(c.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
	c.entitled("cus_Max", metav1.ConditionTrue, nil)
	c.entitled("cus_Ned", metav1.ConditionTrue, nil)
	c.becomes("cus_Ned", "active, 3 pods, tenant:cus_Ned")
	c.becomes("cus_Max", ", 0 pods, nobody")
	c.entitled("cus_Max", metav1.ConditionFalse, nil)
	c.entitled("cus_Ned", metav1.ConditionFalse, nil)
	c.becomes("cus_Ned", "suspended, 0 pods, nobody")
	c.becomes("cus_Max", ", 0 pods, nobody")
}

func TestQuotaFor(t *testing.T) {
	for name, tc := range map[string]struct {
		bought   map[string]billing.Value
		want     string
		features []string
	}{
		"nothing":             {nil, "pods=3 services.loadbalancers=0", nil},
		"limits":              {map[string]billing.Value{"seats": "10", "memory": "8Gi"}, "pods=10 requests.memory=8Gi services.loadbalancers=0", nil},
		"no quantities":       {map[string]billing.Value{"seats": "many", "cpu": "-1"}, "pods=3 services.loadbalancers=0", nil},
		"another entitlement": {map[string]billing.Value{"sso": "yes"}, "pods=3 services.loadbalancers=0", nil},
		"a feature":           {nil, "pods=3 services.loadbalancers=1", []string{"api", "load-balancer"}},
	} {
		t.Run(name, func(t *testing.T) {
			hard := quotaFor(&billing.Customer{Status: billing.CustomerStatus{Entitlements: tc.bought, Features: tc.features}})
			var got []string
			for _, resource := range []corev1.ResourceName{corev1.ResourcePods, corev1.ResourceRequestsCPU, corev1.ResourceRequestsMemory, corev1.ResourceServicesLoadBalancers} {
				if quantity, ok := hard[resource]; ok {
					got = append(got, fmt.Sprintf("%s=%s", resource, quantity.String()))
				}
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Long names stay apart, and are valid.
func TestNamespaceFor(t *testing.T) {
	long := strings.Repeat("x", 90)
	first, second := namespaceFor(billing.ObjectName("", long+"A")), namespaceFor(billing.ObjectName("", long+"a"))
	for _, name := range []string{first, second, namespaceFor(billing.ObjectName("", "cus_Ada"))} {
		if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 {
			t.Errorf("%s: %v", name, wrong)
		}
	}
	if first == second {
		t.Errorf("both are %s", first)
	}
}
