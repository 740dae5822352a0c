package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// The tenant controller of nine lines in docs/tenants.md follows a customer: none, served, suspended, as before, served.
func TestTheShellLoopIsATenantController(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(controlplane.Root(), "docs", "tenants.md"))
	if err != nil {
		t.Fatal(err)
	}
	loop := regexp.MustCompile("(?s)```sh\n([^`]*while read[^`]*)```").FindSubmatch(page)
	if loop == nil {
		t.Fatal("docs/tenants.md has no loop")
	}
	namespace, err := cluster.Namespace(t.Context(), "loop-")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	script := exec.CommandContext(ctx, "bash", "-c", strings.Replace(string(loop[1]), "tollkeeper-system", namespace, 1))
	script.Env = append(os.Environ(), "KUBECONFIG="+adminKubeconfig(t), "PATH="+os.Getenv("KUBEBUILDER_ASSETS")+":"+os.Getenv("PATH"))
	script.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the loop and its kubectl end together
	script.Cancel = func() error { return syscall.Kill(-script.Process.Pid, syscall.SIGKILL) }
	if err := script.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = script.Wait()
	})
	customer := &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.ObjectName("", namespace)}, Spec: v1alpha1.CustomerSpec{CustomerID: namespace},
	}
	if err := cluster.Client.Create(t.Context(), customer); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct {
		entitled metav1.ConditionStatus
		want     string
	}{
		{metav1.ConditionUnknown, "none"}, {metav1.ConditionTrue, "served"}, {metav1.ConditionFalse, "suspended"},
		{metav1.ConditionUnknown, "suspended"}, {metav1.ConditionTrue, "served"},
	} {
		meta.SetStatusCondition(&customer.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionEntitled, Status: change.entitled, Reason: "Test"})
		if err := cluster.Client.Status().Update(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := wait.PollUntilContextTimeout(t.Context(), interval, patience, true, func(ctx context.Context) (bool, error) {
			got = shellTenant(ctx, "tenant-"+customer.Name)
			return got == change.want, nil
		}); err != nil {
			t.Fatalf("with Entitled=%s the tenant is %s, want %s", change.entitled, got, change.want)
		}
	}
}

// shellTenant describes the tenant that the loop of docs/tenants.md makes.
func shellTenant(ctx context.Context, name string) string {
	if cluster.Client.Get(ctx, client.ObjectKey{Name: name}, &corev1.Namespace{}) != nil {
		return "none"
	}
	if cluster.Client.Get(ctx, client.ObjectKey{Namespace: name, Name: "suspended"}, &corev1.ResourceQuota{}) != nil {
		return "served"
	}
	return "suspended"
}

// tenantControllerRights checks that the role for tenant controllers reads Customers, and nothing else.
func tenantControllerRights(t *testing.T) {
	const account = "tenant-reader"
	objects := []client.Object{
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: account}},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: installedNamespace, Name: account},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "tollkeeper-entitlement-viewer-role"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: installedNamespace, Name: account}},
		},
	}
	for _, object := range objects {
		if err := client.IgnoreAlreadyExists(cluster.Client.Create(t.Context(), object)); err != nil {
			t.Fatal(err)
		}
	}
	reader := clientOf(t, installedNamespace, account)
	if err := reader.List(t.Context(), &v1alpha1.CustomerList{}, client.InNamespace(installedNamespace)); err != nil {
		t.Errorf("a tenant controller cannot list Customers: %v", err)
	}
	for what, err := range map[string]error{
		"list Customers elsewhere": reader.List(t.Context(), &v1alpha1.CustomerList{}),
		"list BillingEvents":       reader.List(t.Context(), &v1alpha1.BillingEventList{}, client.InNamespace(installedNamespace)),
		"list Emails":              reader.List(t.Context(), &v1alpha1.EmailList{}, client.InNamespace(installedNamespace)),
		"list Secrets":             reader.List(t.Context(), &corev1.SecretList{}, client.InNamespace(installedNamespace)),
		"delete Customers":         reader.DeleteAllOf(t.Context(), &v1alpha1.Customer{}, client.InNamespace(installedNamespace)),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("a tenant controller may %s: %v", what, err)
		}
	}
}
