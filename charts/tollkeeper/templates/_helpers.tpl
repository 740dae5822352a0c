{{/* fullname is what the names of the objects begin with. It has no dot, so that clusterName stays unique. */}}
{{- define "tollkeeper.fullname" -}}
{{- $name := .Values.fullnameOverride | default (ternary .Release.Name (printf "%s-tollkeeper" .Release.Name) (contains "tollkeeper" .Release.Name)) -}}
{{- $name | replace "." "-" | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* clusterName names a cluster-wide object. Outside of tollkeeper-system it contains the namespace, so that releases in different namespaces never collide. Call it with a list: the root, and the object's own name. */}}
{{- define "tollkeeper.clusterName" -}}
{{- $root := index . 0 -}}
{{- include "tollkeeper.fullname" $root }}-{{ index . 1 }}{{ if ne $root.Release.Namespace "tollkeeper-system" }}.{{ $root.Release.Namespace }}{{ end -}}
{{- end -}}

{{- define "tollkeeper.labels" -}}
app.kubernetes.io/name: tollkeeper
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "tollkeeper.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{/* receives is the component whose pods the internet reaches. */}}
{{- define "tollkeeper.receives" -}}{{ ternary "receiver" "controller-manager" .Values.split }}{{- end -}}

{{/* file renders the objects of a file of config/ under the names, labels and namespace of the release. Call it with a list: the root, and the path. */}}
{{- define "tollkeeper.file" -}}
{{- $root := index . 0 -}}
{{- range $text := splitList "\n---\n" ($root.Files.Get (index . 1)) }}
{{- $object := fromYaml $text }}
{{- /* those of the pods have values: see service_accounts.yaml */}}
{{- if and $object.kind (or (ne $object.kind "ServiceAccount") (hasSuffix "metrics-scraper" $object.metadata.name)) }}
{{- $isNamespaced := has $object.kind (list "Role" "RoleBinding" "ServiceAccount" "Secret") }}
{{- $name := $object.metadata.name | trimPrefix "tollkeeper-" }}
{{- $metadata := dict "labels" (include "tollkeeper.labels" $root | fromYaml) }}
{{- with $object.metadata.annotations }}{{ $_ := set $metadata "annotations" (deepCopy .) }}{{ end }}
{{- if $isNamespaced }}
{{- $_ := set $metadata "namespace" $root.Release.Namespace }}
{{- $_ := set $metadata "name" (printf "%s-%s" (include "tollkeeper.fullname" $root) $name) }}
{{- else }}
{{- $_ := set $metadata "name" (include "tollkeeper.clusterName" (list $root $name)) }}
{{- end }}
{{- if $object.roleRef }}
{{- $role := $object.roleRef.name | trimPrefix "tollkeeper-" }}
{{- $_ := set $object.roleRef "name" (ternary (printf "%s-%s" (include "tollkeeper.fullname" $root) $role) (include "tollkeeper.clusterName" (list $root $role)) (eq $object.roleRef.kind "Role")) }}
{{- range $object.subjects }}
{{- $_ := set . "name" (printf "%s-%s" (include "tollkeeper.fullname" $root) (.name | trimPrefix "tollkeeper-")) }}
{{- $_ := set . "namespace" $root.Release.Namespace }}
{{- end }}
{{- end }}
{{- range $object.rules }}{{ if has "deployments" .resources }}
{{- $_ := set . "resourceNames" (list (printf "%s-controller-manager" (include "tollkeeper.fullname" $root))) }}
{{- end }}{{ end }}
{{- with $metadata.annotations }}{{ if index . "kubernetes.io/service-account.name" }}
{{- $_ := set . "kubernetes.io/service-account.name" (printf "%s-metrics-scraper" (include "tollkeeper.fullname" $root)) }}
{{- end }}{{ end }}
{{- if eq $object.kind "ValidatingAdmissionPolicyBinding" }}
{{- $_ := set $object.spec "policyName" (include "tollkeeper.clusterName" (list $root $object.spec.policyName)) }}
{{- $_ := set $object.spec.matchResources "namespaceSelector" (include "tollkeeper.policyNamespace" $root | fromYaml) }}
{{- end }}
{{- $_ := set $object "metadata" $metadata }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}
{{- end -}}

{{/* policyNamespace selects the release's namespace, unless an administrator suspends the policies there. */}}
{{- define "tollkeeper.policyNamespace" -}}
matchExpressions:
- {key: kubernetes.io/metadata.name, operator: In, values: [{{ .Release.Namespace }}]}
- {key: tollkeeper.dev/policies, operator: NotIn, values: [suspended]}
{{- end -}}

{{/* credentialSources are the Secrets that are mounted as files, one for each variable. Call it with a dict: root, variables, optional. */}}
{{- define "tollkeeper.credentialSources" -}}
{{- $secrets := .root.Values.secrets }}{{ $optional := .optional }}{{ $own := list }}
{{- range .variables }}{{ if not (index $secrets.from .) }}{{ $own = append $own . }}{{ end }}{{ end }}
{{- with $own }}
- secret:
    name: {{ $secrets.name }}
    {{- if $optional }}
    optional: true
    {{- end }}
    items:
    {{- range . }}
    - key: {{ . }}
      path: {{ . }}
    {{- end }}
{{- end }}
{{- range $variable := .variables }}{{ with index $secrets.from $variable }}
- secret:
    name: {{ .name }}
    {{- if $optional }}
    optional: true
    {{- end }}
    items:
    - key: {{ .key | default $variable }}
      path: {{ $variable }}
{{- end }}{{ end }}
{{- end -}}

{{/* flags are the arguments of .Values.flags. */}}
{{- define "tollkeeper.flags" -}}
{{- range $name, $value := .Values.flags }}
{{- if kindIs "slice" $value }}{{ $value = join "," $value }}{{ else if kindIs "float64" $value }}{{ $value = int64 $value }}{{ end }}
- {{ printf "--%s=%v" $name $value | quote }}
{{- end }}
{{- end -}}

{{/* deployment is one of the two Deployments. Call it with a dict: root, component, container, values, receives, controls. */}}
{{- define "tollkeeper.deployment" -}}
{{- $root := .root }}{{ $values := .values }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "tollkeeper.fullname" $root }}-{{ .component }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "tollkeeper.labels" $root | nindent 4 }}
spec:
  replicas: {{ $values.replicas }}
  strategy:
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: tollkeeper
      control-plane: {{ .component }}
  template:
    metadata:
      labels:
        {{- with $values.podLabels }}{{ toYaml . | nindent 8 }}{{ end }}
        app.kubernetes.io/name: tollkeeper
        control-plane: {{ .component }}
      annotations:
        {{- with $values.podAnnotations }}{{ toYaml . | nindent 8 }}{{ end }}
        kubectl.kubernetes.io/default-container: {{ .container }}
    spec:
      enableServiceLinks: false
      serviceAccountName: {{ include "tollkeeper.fullname" $root }}-{{ .component }}
      terminationGracePeriodSeconds: 45
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 6 }}
      {{- end }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations: {{- toYaml . | nindent 6 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- $security := dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault") }}
        {{- toYaml (merge (deepCopy (default dict $values.podSecurityContext)) $security) | nindent 8 }}
      topologySpreadConstraints:
      - topologyKey: kubernetes.io/hostname
        maxSkew: 1
        whenUnsatisfiable: ScheduleAnyway
        labelSelector:
          matchLabels:
            app.kubernetes.io/name: tollkeeper
            control-plane: {{ .component }}
        matchLabelKeys:
        - pod-template-hash
      containers:
      - name: {{ .container }}
        image: {{ include "tollkeeper.image" $root }}
        {{- with $root.Values.image.pullPolicy }}
        imagePullPolicy: {{ . }}
        {{- end }}
        args:
        {{- if not (and .receives .controls) }}
        - --components={{ ternary "receiver" "controllers" .receives }}
        {{- end }}
        {{- if .controls }}
        - --leader-elect
        {{- end }}
        - --health-probe-bind-address=:8081
        - --metrics-bind-address=:8443
        {{- if .receives }}
        - --receiver-bind-address=:8080
        {{- end }}
        - --credentials-dir=/etc/tollkeeper/credentials
        {{- include "tollkeeper.flags" $root | indent 8 }}
        {{- range $values.args }}
        - {{ . | quote }}
        {{- end }}
        envFrom:
        - prefix: TOLLKEEPER_
          configMapRef:
            name: {{ $root.Values.config.name }}
            optional: true
        env:
        - name: GOMEMLIMIT
          value: {{ $values.goMemoryLimit }}
        - name: POD_NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        {{- with $values.env }}{{ toYaml . | nindent 8 }}{{ end }}
        ports:
        {{- if .receives }}
        - name: webhook
          containerPort: 8080
        {{- end }}
        - name: health
          containerPort: 8081
        - name: metrics
          containerPort: 8443
        livenessProbe:
          httpGet:
            path: /healthz
            port: health
          initialDelaySeconds: 15
          periodSeconds: 20
        readinessProbe:
          httpGet:
            path: /readyz
            port: health
          periodSeconds: 5
        resources: {{- toYaml $values.resources | nindent 10 }}
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop: [ALL]
        volumeMounts:
        - name: credentials
          mountPath: /etc/tollkeeper/credentials
          readOnly: true
        {{- with $values.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
      volumes:
      - name: credentials # changes reach the pods without a restart
        projected:
          sources:
          {{- if .receives }}
          {{- include "tollkeeper.credentialSources" (dict "root" $root "variables" (list "STRIPE_ENDPOINT_SECRET")) | indent 10 }}
          {{- end }}
          {{- if .controls }}
          # Keys and reset tokens go to the URLs among these: the right to change a ConfigMap must not choose them.
          {{- include "tollkeeper.credentialSources" (dict "root" $root "optional" true "variables" (list
            "STRIPE_SECRET_KEY" "CLOUDEVENTS_SIGNING_SECRET" "MAILGUN_API_KEY" "MAILGUN_DOMAIN" "MAILGUN_SENDER_EMAIL"
            "PASSWORD_RESET_URL" "STRIPE_API_BASE" "MAILGUN_API_BASE")) | indent 10 }}
          {{- end }}
      {{- with $values.extraVolumes }}{{ toYaml . | nindent 6 }}{{ end }}
{{- end -}}
