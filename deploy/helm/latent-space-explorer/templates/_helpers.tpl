{{/* Name of everything of a release, short enough for the longest suffix. */}}
{{- define "lse.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "lse.labels" -}}
app.kubernetes.io/name: latent-space-explorer
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* Labels by which a component is found: (dict "root" $ "component" "explorer"). */}}
{{- define "lse.selector" -}}
app.kubernetes.io/name: latent-space-explorer
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Metadata of an object of a component: (dict "root" $ "component" … "suffix" …). */}}
{{- define "lse.metadata" -}}
name: {{ include "lse.name" .root }}-{{ default .component .suffix }}
labels:
  {{- include "lse.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "lse.image" -}}
{{ .root.Values.images.prefix }}-{{ .role }}:{{ default .root.Chart.AppVersion .root.Values.images.tag }}
{{- end -}}

{{/* Groups of services, by the name of their StatefulSet. */}}
{{- define "lse.services" -}}
{{- if eq .Values.services.layout "single" -}}
services: [ingestion, training, encoding, projection, clustering, prediction, explanation, search, annotation, access]
{{- else -}}
{{- range list "ingestion" "training" "encoding" "projection" "clustering" "prediction" "explanation" "search" "annotation" "access" }}
{{ . }}: [{{ . }}]
{{- end }}
{{- end -}}
{{- end -}}

{{/* Image of a group of services: training and explanation load networks, and so need that of the workers. */}}
{{- define "lse.role" -}}
{{- ternary "worker" "services" (or (has "training" .) (has "explanation" .)) -}}
{{- end -}}

{{/* Name of the group that serves ingestion, and whatever the router knows no better place for. */}}
{{- define "lse.first" -}}
{{- ternary "services" "ingestion" (eq .Values.services.layout "single") -}}
{{- end -}}

{{/* Everything but the stores rests while a restore is going on. */}}
{{- define "lse.replicas" -}}
{{- if .root.Values.restore.dump -}}0{{- else -}}{{ int .replicas }}{{- end -}}
{{- end -}}

{{/* Settings of all processes: what follows from the values, and over it what `config` says. */}}
{{- define "lse.settings" -}}
{{- $name := include "lse.name" . -}}
{{- $s := dict "host" "0.0.0.0" "grpc_port" 50051 "http_port" 50080 "metrics_port" 9000 "dashboard_port" 5006 -}}
{{- $_ := set $s "drain_seconds" .Values.services.drainSeconds -}}
{{- $_ := set $s "compute_url" (printf "%s://%s-scheduler:8786" (ternary "tls" "tcp" (ne .Values.compute.tlsSecret "")) $name) -}}
{{- $_ := set $s "peer_address" (printf "%s-%s:50051" $name (include "lse.first" .)) -}}
{{- if eq .Values.router.kind "nginx" -}}
{{- $_ := set $s "address" (printf "%s-router:%d" $name (int .Values.router.service.port)) -}}
{{- else if eq .Values.services.layout "single" -}}
{{- $_ := set $s "address" (printf "%s-services:50051" $name) -}}
{{- end -}}
{{- if .Values.compute.tlsSecret -}}{{- $_ := set $s "compute_certificates" "/etc/lse/compute" -}}{{- end -}}
{{- if .Values.postgresql.enabled -}}
{{- $_ := set $s "catalogue_url" (printf "postgresql+psycopg://lse@%s-postgresql/lse" $name) -}}
{{- end -}}
{{- if .Values.storage.artifacts.enabled -}}{{- $_ := set $s "artifacts_url" "file:///data/artifacts" -}}{{- end -}}
{{- if ne .Values.vectors.kind "external" -}}
{{- $_ := set $s "vectors_url" (printf "http://%s-vectors:6334" $name) -}}
{{- end -}}
{{- if and (eq .Values.vectors.kind "qdrant") (gt (int .Values.vectors.replicas) 1) -}}
{{- $_ := set $s "vectors_replicas" 2 -}}
{{- $_ := set $s "vectors_shards" (int .Values.vectors.replicas) -}}
{{- end -}}
{{- if .Values.triton.enabled -}}
{{- $_ := set $s "inference" "triton" -}}
{{- $_ := set $s "triton_url" (printf "%s-triton:8001" $name) -}}
{{- $_ := set $s "inference_gpu" (gt (int .Values.triton.gpus) 0) -}}
{{- if eq .Values.triton.repository.kind "volume" -}}{{- $_ := set $s "triton_repository" "/data/models" -}}{{- end -}}
{{- end -}}
{{- if .Values.explorer.ingress.host -}}
{{- $_ := set $s "dashboard_origins" (list .Values.explorer.ingress.host) -}}
{{- end -}}
{{- range $setting, $_ := .Values.secretFiles -}}
{{- $_ := set $s $setting (printf "/etc/lse-secrets/%s/secret" $setting) -}}
{{- end -}}
{{- toYaml (mergeOverwrite $s (deepCopy .Values.config)) -}}
{{- end -}}

{{/* What all pods share: who they run as, and what they do not get. (dict "root" $ "user" 10001) */}}
{{- define "lse.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ default 10001 .user }}
  runAsGroup: {{ default 10001 .user }}
  fsGroup: {{ default 10001 .user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.hostAliases }}
hostAliases: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with (default .root.Values.nodeSelector .nodeSelector) }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with (concat .root.Values.tolerations (default (list) .tolerations)) }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .component }}
topologySpreadConstraints:
  {{- range .root.Values.topologyKeys }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "lse.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "lse.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Labels and annotations of the pods of a component: (dict "root" $ "component" …). */}}
{{- define "lse.podMetadata" -}}
labels:
  {{- include "lse.selector" . | nindent 2 }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ include "lse.settings" .root | sha256sum }}
{{- end -}}

{{/* Variables of a process of ours. */}}
{{- define "lse.environment" -}}
- {name: LSE_CONFIG, value: /etc/lse/lse.yaml}
- {name: NUMBA_CACHE_DIR, value: /var/cache/lse/numba}
- name: LSE_INSTANCE
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- if and (ne .Values.vectors.kind "external") .Values.vectors.apiKeySecret.name }}
- name: LSE_VECTORS_API_KEY
  valueFrom: {secretKeyRef: {name: {{ .Values.vectors.apiKeySecret.name }}, key: {{ .Values.vectors.apiKeySecret.key }}}}
{{- end }}
{{- if .Values.postgresql.enabled }}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.postgresql.passwordSecret.name }}, key: {{ .Values.postgresql.passwordSecret.key }}}}
{{- end }}
{{- range $variable, $secret := .Values.secretEnvironment }}
- name: {{ $variable }}
  valueFrom: {secretKeyRef: {name: {{ $secret.name }}, key: {{ $secret.key }}}}
{{- end }}
{{- range $variable, $value := .Values.environment }}
- {name: {{ $variable }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}

{{/* Mounts and volumes of a process of ours; with "data" also those of artifacts, models and sources. */}}
{{- define "lse.mounts" -}}
- {name: config, mountPath: /etc/lse, readOnly: true}
- {name: temporary, mountPath: /tmp}
- {name: cache, mountPath: /var/cache/lse}
{{- if .root.Values.compute.tlsSecret }}
- {name: compute-certificates, mountPath: /etc/lse/compute, readOnly: true}
{{- end }}
{{- if .secrets }}
{{- range $setting, $_ := .root.Values.secretFiles }}
- {name: {{ $setting | replace "_" "-" }}, mountPath: /etc/lse-secrets/{{ $setting }}, readOnly: true}
{{- end }}
{{- end }}
{{- if .data }}
{{- if .root.Values.storage.artifacts.enabled }}
- {name: artifacts, mountPath: /data/artifacts}
{{- end }}
{{- if .root.Values.storage.models.enabled }}
- {name: models, mountPath: /data/models}
{{- end }}
{{- range $number, $source := .root.Values.storage.sources }}
- {name: source-{{ $number }}, mountPath: {{ $source.path }}, readOnly: true}
{{- end }}
{{- end }}
{{- end -}}

{{- define "lse.volumes" -}}
- name: config
  configMap: {name: {{ include "lse.name" .root }}-{{ default "config" .config }}}
- {name: temporary, emptyDir: {sizeLimit: {{ default "2Gi" .temporary }}}}
- {name: cache, emptyDir: {sizeLimit: 1Gi}}
{{- if .root.Values.compute.tlsSecret }}
- name: compute-certificates
  secret: {secretName: {{ .root.Values.compute.tlsSecret }}, defaultMode: 0440}
{{- end }}
{{- if .secrets }}
{{- range $setting, $secret := .root.Values.secretFiles }}
- name: {{ $setting | replace "_" "-" }}
  secret: {secretName: {{ $secret.name }}, defaultMode: 0440, items: [{key: {{ $secret.key }}, path: secret}]}
{{- end }}
{{- end }}
{{- if .data }}
{{- if .root.Values.storage.artifacts.enabled }}
- name: artifacts
  persistentVolumeClaim: {claimName: {{ include "lse.claim" (dict "root" .root "of" "artifacts") }}}
{{- end }}
{{- if .root.Values.storage.models.enabled }}
- name: models
  persistentVolumeClaim: {claimName: {{ include "lse.claim" (dict "root" .root "of" "models") }}}
{{- end }}
{{- range $number, $source := .root.Values.storage.sources }}
- name: source-{{ $number }}
  persistentVolumeClaim: {claimName: {{ $source.claim }}, readOnly: true}
{{- end }}
{{- end }}
{{- end -}}

{{- define "lse.claim" -}}
{{- $volume := index .root.Values.storage .of -}}
{{- default (printf "%s-%s" (include "lse.name" .root) .of) $volume.existingClaim -}}
{{- end -}}

{{/* Before a process of ours starts: its compiled kernels lie where it may write, and host volumes belong to it. */}}
{{- define "lse.init" -}}
- name: kernels
  image: {{ default (include "lse.image" .) .image }}
  imagePullPolicy: {{ .root.Values.images.pullPolicy }}
  command: [sh, -c, "mkdir -p /var/cache/lse/numba && if [ -d /opt/lse/numba ]; then cp -r /opt/lse/numba/. /var/cache/lse/numba/; fi"]
  securityContext: {{- include "lse.containerSecurity" . | nindent 4 }}
  resources:
    requests: {cpu: 50m, memory: 64Mi}
    limits: {memory: 256Mi}
  volumeMounts:
    - {name: cache, mountPath: /var/cache/lse}
{{- if .data }}
{{- $volumes := list }}
{{- range list "artifacts" "models" }}
{{- if (index $.root.Values.storage .).enabled }}{{ $volumes = append $volumes . }}{{ end }}
{{- end }}
{{- include "lse.ownership" (dict "root" .root "role" .role "volumes" $volumes "user" 10001) }}
{{- end }}
{{- end -}}

{{/* Container that gives volumes of a host to a user, where the values ask for that. */}}
{{- define "lse.ownership" -}}
{{- if and .root.Values.storage.takeOwnership .volumes }}
- name: take-ownership
  image: {{ default (include "lse.image" .) .image }}
  imagePullPolicy: {{ .root.Values.images.pullPolicy }}
  command: [sh, -c, "chown {{ .user }}:{{ .user }}{{ range .volumes }} /data/{{ . }}{{ end }}"]
  securityContext:
    runAsUser: 0
    runAsNonRoot: false
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: {drop: [ALL], add: [CHOWN]}
  resources:
    requests: {cpu: 10m, memory: 16Mi}
    limits: {memory: 64Mi}
  volumeMounts:
    {{- range .volumes }}
    - {name: {{ . }}, mountPath: /data/{{ . }}}
    {{- end }}
{{- end }}
{{- end -}}

{{/* Probes over HTTP: (dict "port" "metrics" "live" "/livez" "ready" "/readyz" "startSeconds" 300). */}}
{{- define "lse.probes" -}}
startupProbe:
  httpGet: {path: {{ .ready }}, port: {{ .port }}}
  periodSeconds: 3
  timeoutSeconds: 5
  failureThreshold: {{ div (default 300 .startSeconds) 3 }}
readinessProbe:
  httpGet: {path: {{ .ready }}, port: {{ .port }}}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
livenessProbe:
  httpGet: {path: {{ .live }}, port: {{ .port }}}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 6
{{- end -}}

{{- define "lse.pdbVersion" -}}
{{- ternary "policy/v1" "policy/v1beta1" (.Capabilities.APIVersions.Has "policy/v1") -}}
{{- end -}}

{{- define "lse.hpaVersion" -}}
{{- ternary "autoscaling/v2" "autoscaling/v2beta2" (.Capabilities.APIVersions.Has "autoscaling/v2") -}}
{{- end -}}

{{- define "lse.cronVersion" -}}
{{- ternary "batch/v1" "batch/v1beta1" (semverCompare ">=1.21.0-0" .Capabilities.KubeVersion.Version) -}}
{{- end -}}

{{/* Budget for disruptions of a component with more than one replica: (dict "root" $ "component" …). */}}
{{- define "lse.pdb" -}}
apiVersion: {{ include "lse.pdbVersion" .root }}
kind: PodDisruptionBudget
metadata: {{- include "lse.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "lse.selector" . | nindent 6 }}
{{- end -}}

{{/* (dict "root" $ "component" … "kind" "Deployment" "least" 2 "scaling" …). */}}
{{- define "lse.hpa" -}}
apiVersion: {{ include "lse.hpaVersion" .root }}
kind: HorizontalPodAutoscaler
metadata: {{- include "lse.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: {{ .kind }}, name: {{ include "lse.name" .root }}-{{ .component }}}
  minReplicas: {{ max 1 (int .least) }}
  maxReplicas: {{ int .scaling.maxReplicas }}
  metrics:
    {{- if .scaling.metric }}
    - type: Pods
      pods:
        metric: {name: {{ .scaling.metric }}}
        target: {type: AverageValue, averageValue: {{ .scaling.average | quote }}}
    {{- else }}
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ int .scaling.cpuPercent }}}}
    {{- end }}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: {{ int (default 600 .scaling.idleSeconds) }}
      policies:
        - {type: Pods, value: 1, periodSeconds: 120}
{{- end -}}

{{/* Peers of a network policy: pods of these components. (dict "root" $ "components" (list …)) */}}
{{- define "lse.peers" -}}
{{- range .components }}
- podSelector:
    matchLabels: {{- include "lse.selector" (dict "root" $.root "component" .) | nindent 6 }}
{{- end }}
{{- end -}}

{{/* Pods of all groups of services. */}}
{{- define "lse.servicePeers" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/name: latent-space-explorer
      app.kubernetes.io/instance: {{ .Release.Name }}
      lse/serves: grpc
{{- end -}}

{{/* Egress to the names of the cluster, and to what lies outside the release. */}}
{{- define "lse.dns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end -}}

{{- define "lse.external" -}}
{{- range .Values.networkPolicy.external }}
- to:
    - ipBlock:
        cidr: {{ .cidr }}
        {{- with .except }}
        except: {{- toYaml . | nindent 10 }}
        {{- end }}
  ports:
    {{- range .ports }}
    - {port: {{ int . }}, protocol: TCP}
    {{- end }}
{{- end }}
{{- end -}}

{{/* Refuses what would be wrong only once it runs. */}}
{{- define "lse.checks" -}}
{{- range $key, $_ := .Values.config -}}
{{- if regexMatch "(^|_)(token|password|secret|key)$" $key -}}
{{- fail (printf "config.%s is a secret: put it into a Secret, and name that in secretEnvironment.LSE_%s." $key (upper $key)) -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "://[^/@]*:[^/@]*@" (default "" .Values.config.catalogue_url) -}}
{{- fail "config.catalogue_url has a password: leave it out, and name its Secret in secretEnvironment.PGPASSWORD." -}}
{{- end -}}
{{- $s := fromYaml (include "lse.settings" .) -}}
{{- range list "catalogue_url" "artifacts_url" "vectors_url" -}}
{{- if not (or (index $s .) (index $.Values.secretEnvironment (printf "LSE_%s" (upper .)))) -}}
{{- fail (printf "config.%s is missing: name what lies outside the release, or let the chart run it (postgresql.enabled, storage.artifacts.enabled, vectors.kind)." .) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.postgresql.enabled (not .Values.postgresql.passwordSecret.name) -}}
{{- fail "postgresql.passwordSecret.name is missing: make a Secret with the password of the database." -}}
{{- end -}}
{{- if and (eq .Values.vectors.kind "edge") (gt (int (default 1 .Values.vectors.replicas)) 1) -}}
{{- fail "vectors.kind edge is one pod: set vectors.replicas to 1, or use Qdrant." -}}
{{- end -}}
{{- if and .Values.triton.enabled (eq .Values.triton.repository.kind "volume") (not .Values.storage.models.enabled) -}}
{{- fail "Triton needs a model repository: set storage.models.enabled, or triton.repository.kind to bucket with its url and config.triton_repository." -}}
{{- end -}}
{{- if and .Values.triton.enabled (eq .Values.triton.repository.kind "bucket") (not (and .Values.triton.repository.url .Values.config.triton_repository)) -}}
{{- fail "A model repository in a bucket needs triton.repository.url, as Triton writes it, and config.triton_repository, as s3://BUCKET/PREFIX." -}}
{{- end -}}
{{- if and (eq .Values.services.layout "separate") (ne .Values.router.kind "nginx") .Values.explorer.enabled (not .Values.config.address) -}}
{{- fail "config.address is missing: without the router of the chart the explorer must be told where the services are." -}}
{{- end -}}
{{- if and .Values.router.tls.secretName (eq .Values.router.kind "nginx") .Values.explorer.enabled (not .Values.config.address) -}}
{{- fail "config.address is missing: the router speaks TLS, so name it as its certificate does, such as https://services.example.org:443." -}}
{{- end -}}
{{- if and (or .Values.backup.enabled .Values.restore.dump) (not .Values.backup.claim) -}}
{{- fail "backup.claim is missing: name the claim of a volume for the backups." -}}
{{- end -}}
{{- end -}}
