package chart

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// field returns a field of an object as JSON, such as spec.rules; empty if it is absent.
func (o objects) field(t *testing.T, key, path string) string {
	t.Helper()
	object := o[key]
	if object == nil {
		return ""
	}
	value, ok, err := unstructured.NestedFieldNoCopy(object.Object, strings.Split(path, ".")...)
	if err != nil || !ok {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// container returns the only container of a Deployment.
func (o objects) container(t *testing.T, deployment string) map[string]any {
	t.Helper()
	containers, _, err := unstructured.NestedSlice(o["Deployment "+deployment].Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) != 1 {
		t.Fatalf("%s has the containers %v: %v", deployment, containers, err)
	}
	return containers[0].(map[string]any)
}

// What each value changes.
func TestValues(t *testing.T) {
	for name, tc := range map[string]struct {
		values string
		key    string
		field  string
		want   string // in the field, as JSON
	}{
		"ingress": {
			values: "ingress.enabled=true,ingress.host=billing.example.com,ingress.className=nginx,ingress.tlsSecret=tls",
			key:    "Ingress tollkeeper-webhook", field: "spec",
			want: `{"ingressClassName":"nginx","rules":[{"host":"billing.example.com","http":{"paths":[{"backend":{"service":` +
				`{"name":"tollkeeper-webhook","port":{"name":"http"}}},"path":"/webhooks/stripe","pathType":"Exact"}]}}],` +
				`"tls":[{"hosts":["billing.example.com"],"secretName":"tls"}]}`,
		},
		"HTTPRoute": {
			values: "httpRoute.enabled=true,httpRoute.parentRefs[0].name=gateway,httpRoute.hostnames={billing.example.com}",
			key:    "HTTPRoute tollkeeper-webhook", field: "spec",
			want: `{"hostnames":["billing.example.com"],"parentRefs":[{"name":"gateway"}],"rules":[{"backendRefs":` +
				`[{"name":"tollkeeper-webhook","port":80}],"matches":[{"method":"POST","path":{"type":"Exact","value":"/webhooks/stripe"}}]}]}`,
		},
		"events from a namespace": {
			values: "networkPolicy.webhookFrom[0].namespaceSelector.matchLabels.a=b", key: "NetworkPolicy tollkeeper-receiver", field: "spec.ingress",
			want: `[{"from":[{"namespaceSelector":{"matchLabels":{"a":"b"}}}],"ports":[{"port":"webhook"}]},` +
				`{"from":[{"namespaceSelector":{"matchLabels":{"metrics":"enabled"}}}],"ports":[{"port":"metrics"}]}]`,
		},
		"no network policies": {values: "networkPolicy.enabled=false", key: "NetworkPolicy tollkeeper-receiver", field: "spec"},
		"egress": {
			values: "networkPolicy.egress[0].ports[0].port=3128", key: "NetworkPolicy tollkeeper-receiver", field: "spec.egress",
			want: `[{"ports":[{"port":53,"protocol":"UDP"},{"port":53}]},{"ports":[{"port":443},{"port":6443}]},{"ports":[{"port":3128}]}]`,
		},
		"egress of the controllers": {
			values: "controllers.extraEgress[0].ports[0].port=9000", key: "NetworkPolicy tollkeeper-controller-manager", field: "spec.egress",
			want: `[{"ports":[{"port":53,"protocol":"UDP"},{"port":53}]},{"ports":[{"port":443},{"port":6443}]},{"ports":[{"port":9000}]}]`,
		},
		"combined: egress of the controllers": {
			values: "split=false,controllers.extraEgress[0].ports[0].port=9000", key: "NetworkPolicy tollkeeper-controller-manager", field: "spec.egress",
			want: `[{"ports":[{"port":53,"protocol":"UDP"},{"port":53}]},{"ports":[{"port":443},{"port":6443}]},{"ports":[{"port":9000}]}]`,
		},
		"no egress of the receiver": {
			values: "controllers.extraEgress[0].ports[0].port=9000", key: "NetworkPolicy tollkeeper-receiver", field: "spec.egress",
			want: `[{"ports":[{"port":53,"protocol":"UDP"},{"port":53}]},{"ports":[{"port":443},{"port":6443}]}]`,
		},
		"the pod's group": {
			values: "controllers.podSecurityContext.fsGroup=65532", key: "Deployment tollkeeper-controller-manager", field: "spec.template.spec.securityContext",
			want: `{"fsGroup":65532,"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}}`,
		},
		"budget":      {values: "podDisruptionBudget.minAvailable=2", key: "PodDisruptionBudget tollkeeper-receiver", field: "spec.minAvailable", want: "2"},
		"no budget":   {values: "podDisruptionBudget.enabled=false", key: "PodDisruptionBudget tollkeeper-receiver", field: "spec"},
		"replicas":    {values: "receiver.replicas=5", key: "Deployment tollkeeper-receiver", field: "spec.replicas", want: "5"},
		"no policies": {values: "policies.enabled=false", key: "ValidatingAdmissionPolicy tollkeeper-emails", field: "spec"},
		"no CRDs":     {values: "crds.enabled=false", key: "CustomResourceDefinition customers.billing.tollkeeper.dev", field: "spec"},
		"PodMonitor": {
			values: "metrics.podMonitor.enabled=true,metrics.podMonitor.labels.release=prometheus", key: "PodMonitor tollkeeper-metrics",
			field: "metadata.labels.release", want: `"prometheus"`,
		},
		"its account": {
			values: "metrics.podMonitor.enabled=true", key: "ClusterRoleBinding tollkeeper-metrics-scraper", field: "subjects",
			want: `[{"kind":"ServiceAccount","name":"tollkeeper-metrics-scraper","namespace":"tollkeeper-system"}]`,
		},
		"combined: who receives": {values: "split=false", key: "Service tollkeeper-webhook", field: "spec.selector.control-plane", want: `"controller-manager"`},
		"combined: no receiver":  {values: "split=false", key: "Role tollkeeper-receiver-role", field: "rules"},
	} {
		t.Run(name, func(t *testing.T) {
			got := release(t, "tollkeeper", "tollkeeper-system", "--set="+tc.values).field(t, tc.key, tc.field)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", tc.field, tc.key, diff)
			}
		})
	}
}

// The CRDs stay when the release goes, and with them every customer.
func TestUninstallingKeepsTheCRDs(t *testing.T) {
	crds := 0
	for key, object := range release(t, "tollkeeper", "tollkeeper-system") {
		keep := object.GetAnnotations()["helm.sh/resource-policy"] == "keep"
		if isCRD := object.GetKind() == "CustomResourceDefinition"; isCRD != keep {
			t.Errorf("%s: kept is %t", key, keep)
		} else if isCRD {
			crds++
		}
	}
	if crds != 5 {
		t.Errorf("%d CRDs", crds)
	}
}

func TestFlagsImageAndSecrets(t *testing.T) {
	o := release(t, "tollkeeper", "tollkeeper-system",
		"--set=flags.grace-period=336h,flags.accounts={acct_1,acct_2},flags.emails=false,flags.max-in-flight=1000000",
		"--set=image.tag=v1.2.3,image.digest=sha256:"+strings.Repeat("0", 64),
		"--set=secrets.name=mine,secrets.from.STRIPE_SECRET_KEY.name=stripe,secrets.from.STRIPE_SECRET_KEY.key=restricted",
		"--set=controllers.args={--log-level=debug}")
	manager, receiver := o.container(t, "tollkeeper-controller-manager"), o.container(t, "tollkeeper-receiver")
	flags := []any{"--accounts=acct_1,acct_2", "--emails=false", "--grace-period=336h", "--max-in-flight=1000000"}
	wantArgs := append([]any{"--components=controllers", "--leader-elect", "--health-probe-bind-address=:8081", "--metrics-bind-address=:8443",
		"--credentials-dir=/etc/tollkeeper/credentials"}, flags...)
	if diff := cmp.Diff(append(wantArgs, "--log-level=debug"), manager["args"]); diff != "" {
		t.Errorf("the controllers' arguments (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(fmt.Sprint(receiver["args"]), "--max-in-flight=1000000]") {
		t.Errorf("the receiver's arguments are %v", receiver["args"])
	}
	if image := "ghcr.io/tollkeeper/tollkeeper:v1.2.3@sha256:" + strings.Repeat("0", 64); manager["image"] != image || receiver["image"] != image {
		t.Errorf("the images are %s and %s", manager["image"], receiver["image"])
	}
	secrets := map[string]string{}
	for _, deployment := range []string{"tollkeeper-controller-manager", "tollkeeper-receiver"} {
		maps.Copy(secrets, o.mounted(t, deployment))
	}
	if diff := cmp.Diff(map[string]string{
		"STRIPE_SECRET_KEY": "stripe/restricted", "STRIPE_ENDPOINT_SECRET": "mine/STRIPE_ENDPOINT_SECRET", "MAILGUN_API_KEY": "mine/MAILGUN_API_KEY",
		"MAILGUN_DOMAIN": "mine/MAILGUN_DOMAIN", "MAILGUN_SENDER_EMAIL": "mine/MAILGUN_SENDER_EMAIL", "PASSWORD_RESET_URL": "mine/PASSWORD_RESET_URL",
		"CLOUDEVENTS_SIGNING_SECRET": "mine/CLOUDEVENTS_SIGNING_SECRET", "STRIPE_API_BASE": "mine/STRIPE_API_BASE", "MAILGUN_API_BASE": "mine/MAILGUN_API_BASE",
	}, secrets); diff != "" {
		t.Errorf("the variables' secrets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"STRIPE_ENDPOINT_SECRET": "mine/STRIPE_ENDPOINT_SECRET"}, o.mounted(t, "tollkeeper-receiver")); diff != "" {
		t.Errorf("the receiver's secrets (-want +got):\n%s", diff)
	}
}

// A volume of the values comes beside the chart's own, in both forms and for both kinds of pods.
func TestFurtherVolumes(t *testing.T) {
	volumes := func(pods string) string {
		return strings.ReplaceAll("--set=PODS.extraVolumes[0].name=templates,PODS.extraVolumes[0].configMap.name=mine,"+
			"PODS.extraVolumeMounts[0].name=templates,PODS.extraVolumeMounts[0].mountPath=/templates", "PODS", pods)
	}
	for _, tc := range []struct{ values, split, deployment string }{
		{"controllers", "true", "tollkeeper-controller-manager"}, {"controllers", "false", "tollkeeper-controller-manager"}, {"receiver", "true", "tollkeeper-receiver"},
	} {
		o := release(t, "tollkeeper", "tollkeeper-system", volumes(tc.values), "--set=split="+tc.split)
		mounts := []any{
			map[string]any{"name": "credentials", "mountPath": "/etc/tollkeeper/credentials", "readOnly": true},
			map[string]any{"name": "templates", "mountPath": "/templates"},
		}
		if diff := cmp.Diff(mounts, o.container(t, tc.deployment)["volumeMounts"]); diff != "" {
			t.Errorf("the mounts of %v (-want +got):\n%s", tc, diff)
		}
		if got := o.field(t, "Deployment "+tc.deployment, "spec.template.spec.volumes"); !strings.HasSuffix(got, `,{"configMap":{"name":"mine"},"name":"templates"}]`) {
			t.Errorf("the volumes of %v are %s", tc, got)
		}
	}
}

// With a Secret of its own for the only variable, a pod mounts nothing of the common one.
func TestAPodMountsWhatItNeeds(t *testing.T) {
	o := release(t, "tollkeeper", "tollkeeper-system", "--set=secrets.from.STRIPE_ENDPOINT_SECRET.name=stripe")
	if diff := cmp.Diff(map[string]string{"STRIPE_ENDPOINT_SECRET": "stripe/STRIPE_ENDPOINT_SECRET"}, o.mounted(t, "tollkeeper-receiver")); diff != "" {
		t.Errorf("the receiver's secrets (-want +got):\n%s", diff)
	}
}

// mounted are the Secret and its key of each file in the folder of credentials. Only the endpoint's secret must be there.
func (o objects) mounted(t *testing.T, deployment string) map[string]string {
	t.Helper()
	var pod struct {
		Volumes []struct {
			Name      string
			Projected struct {
				Sources []struct {
					Secret struct {
						Name     string
						Optional bool
						Items    []struct{ Key, Path string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(o.field(t, "Deployment "+deployment, "spec.template.spec")), &pod); err != nil || len(pod.Volumes) != 1 {
		t.Fatalf("%s has the volumes %v: %v", deployment, pod.Volumes, err)
	}
	found := map[string]string{}
	for _, source := range pod.Volumes[0].Projected.Sources {
		for _, item := range source.Secret.Items {
			found[item.Path] = source.Secret.Name + "/" + item.Key
			if source.Secret.Optional == (item.Path == "STRIPE_ENDPOINT_SECRET") {
				t.Errorf("%s: %s is optional: %t", deployment, item.Path, source.Secret.Optional)
			}
		}
	}
	return found
}

// Values that cannot be right are refused, with a message that names them.
func TestValuesThatAreRefused(t *testing.T) {
	for values, says := range map[string]string{
		"splitt=false":                                 "splitt",
		"split=perhaps":                                "split",
		"image.digest=latest":                          "digest",
		"secrets.from.STRIPE_KEY.name=x":               "STRIPE_KEY",
		"flags.leader-elect=false":                     "leader-elect",
		"flags.credentials-dir=/tmp":                   "credentials-dir",
		"flags.Grace=1h":                               "flags",
		"flags.grase-period=1h":                        "grase-period",
		"flags.grace-period=7d":                        "grace-period",
		"flags.grace-period=7":                         "grace-period",
		"flags.emails=perhaps":                         "emails",
		"flags.max-in-flight=many":                     "max-in-flight",
		"controllers.replicas=-1":                      "replicas",
		"ingress.enabled=true":                         "ingress.host",
		"httpRoute.enabled=true":                       "httpRoute.parentRefs",
		"controllers.resources=none":                   "resources",
		"controllers.extraVolumes[0].name=credentials": "extraVolumes",
		"controllers.extraVolumes[0].emptyDir=x":       "name",
		"controllers.extraVolumeMounts[0].name=a":      "mountPath",
		"controllers.extraEgress[0].port=9000":         "port",
		"receiver.extraEgress[0].ports[0].port=9000":   "extraEgress",
		"controllers.podSecurityContext=none":          "podSecurityContext",
		"receiver.goMemoryLimit=much":                  "goMemoryLimit",
		"metrics.serviceMonitor.interval=often":        "interval",
		"fullnameOverride=Not_A_Name":                  "fullnameOverride",
	} {
		_, err := run(t, "helm", "template", "tollkeeper", "charts/tollkeeper", "--set="+values)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want an error that names %s", values, err, says)
		}
	}
}

// Every value of the schema has a default with a comment beside it, so that values.yaml is the documentation.
func TestEveryValueHasADefault(t *testing.T) {
	chart := filepath.Join(controlplane.Root(), "charts", "tollkeeper")
	var schema struct {
		Properties map[string]any `json:"properties"`
	}
	var values map[string]any
	for file, into := range map[string]any{"values.schema.json": &schema, "values.yaml": &values} {
		content, err := os.ReadFile(filepath.Join(chart, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(content, into); err != nil {
			t.Fatal(err)
		}
	}
	delete(schema.Properties, "global") // Helm's own
	var compare func(path string, properties, values map[string]any)
	compare = func(path string, properties, values map[string]any) {
		for name, property := range properties {
			value, ok := values[name]
			if !ok {
				t.Errorf("values.yaml lacks %s%s", path, name)
			}
			inside, _ := property.(map[string]any)["properties"].(map[string]any)
			if object, isObject := value.(map[string]any); isObject && inside != nil && name != "from" && name != "flags" {
				compare(path+name+".", inside, object)
			}
		}
	}
	compare("", schema.Properties, values)
}

// Releases of any name in any namespace share no object.
func TestReleasesShareNothing(t *testing.T) {
	all := "--set=metrics.serviceMonitor.enabled=true,crds.enabled=false"
	seen := map[string]string{}
	for _, r := range [][2]string{
		{"tollkeeper", "tollkeeper-system"}, {"tollkeeper", "billing-test"}, {"test", "billing-test-2"}, {"live", "tollkeeper-system"}, {"a-tollkeeper", "b"},
	} {
		for _, object := range release(t, r[0], r[1], all) {
			key := fmt.Sprintf("%s %s in %s", object.GetKind(), object.GetName(), object.GetNamespace())
			if by := seen[key]; by != "" {
				t.Errorf("%s and %s both have the %s", by, r, key)
			}
			seen[key] = fmt.Sprint(r)
			if ns := object.GetNamespace(); ns != "" && ns != r[1] {
				t.Errorf("%s puts %s into %s", r, object.GetName(), ns)
			}
			if length := len(object.GetName()); length > 63 && object.GetNamespace() != "" {
				t.Errorf("%s has a name of %d characters", key, length)
			}
		}
	}
}

// The policies of a release apply in its namespace only.
func TestPoliciesApplyInTheReleasesNamespace(t *testing.T) {
	bindings := 0
	rendered := release(t, "live", "billing-live")
	for key, object := range rendered {
		if object.GetKind() != "ValidatingAdmissionPolicyBinding" {
			continue
		}
		bindings++
		got := objects{key: object}.field(t, key, "spec.matchResources.namespaceSelector.matchExpressions")
		want := `[{"key":"kubernetes.io/metadata.name","operator":"In","values":["billing-live"]},{"key":"tollkeeper.dev/policies","operator":"NotIn","values":["suspended"]}]`
		if got != want {
			t.Errorf("%s selects %s", key, got)
		}
		if rendered["ValidatingAdmissionPolicy "+object.GetName()] == nil || (objects{key: object}).field(t, key, "spec.policyName") != strconv.Quote(object.GetName()) {
			t.Errorf("%s has no policy", key)
		}
	}
	if bindings != 7 {
		t.Errorf("%d bindings", bindings)
	}
}
