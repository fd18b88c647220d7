{{/* Pod that reads or writes the backups: (dict "root" $ "dump" script "copy" script). The copy runs after the database. */}}
{{- define "lse.backupPod" -}}
{{- $database := .root.Values.postgresql.enabled }}
{{- $settings := fromYaml (include "lse.settings" .root) }}
{{- $url := default "" $settings.catalogue_url | replace "postgresql+psycopg" "postgresql" }}
metadata:
  labels: {{- include "lse.selector" (dict "root" .root "component" "backup") | nindent 4 }}
spec:
  {{- include "lse.pod" (dict "root" .root) | nindent 2 }}
  restartPolicy: OnFailure
  initContainers:
    {{- with .root.Values.storage.takeOwnership }}
    {{- $volumes := list "backup" }}
    {{- include "lse.ownership" (dict "root" $.root "role" "services" "volumes" $volumes "user" 10001) | nindent 4 }}
    {{- end }}
    - name: catalogue
      image: {{ .root.Values.images.postgresql }}
      imagePullPolicy: {{ .root.Values.images.pullPolicy }}
      command: [bash, -euo, pipefail, -c]
      args:
        - {{ .dump | quote }}
      env:
        - {name: HOME, value: /tmp}
        - {name: DATABASE, value: {{ $url | quote }}}
        {{- if $database }}
        - name: PGPASSWORD
          valueFrom: {secretKeyRef: {name: {{ .root.Values.postgresql.passwordSecret.name }}, key: {{ .root.Values.postgresql.passwordSecret.key }}}}
        {{- end }}
        {{- range $variable, $secret := .root.Values.secretEnvironment }}
        {{- if or (hasPrefix "PG" $variable) (eq "LSE_CATALOGUE_URL" $variable) }}
        - name: {{ ternary "DATABASE_URL" $variable (eq "LSE_CATALOGUE_URL" $variable) }}
          valueFrom: {secretKeyRef: {name: {{ $secret.name }}, key: {{ $secret.key }}}}
        {{- end }}
        {{- end }}
      securityContext: {{- include "lse.containerSecurity" . | nindent 8 }}
      resources: {{- toYaml .root.Values.backup.resources | nindent 8 }}
      volumeMounts:
        - {name: backup, mountPath: /data/backup}
        - {name: temporary, mountPath: /tmp}
  containers:
    - name: artifacts
      image: {{ include "lse.image" (dict "root" .root "role" "services") }}
      imagePullPolicy: {{ .root.Values.images.pullPolicy }}
      command: [sh, -euc]
      args:
        - {{ ternary .copy "echo The artifacts lie in a bucket, which has versions and replication of its own." .root.Values.storage.artifacts.enabled | quote }}
      securityContext: {{- include "lse.containerSecurity" . | nindent 8 }}
      resources: {{- toYaml .root.Values.backup.resources | nindent 8 }}
      volumeMounts:
        - {name: backup, mountPath: /data/backup}
        - {name: temporary, mountPath: /tmp}
        {{- if .root.Values.storage.artifacts.enabled }}
        - {name: artifacts, mountPath: /data/artifacts}
        {{- end }}
  volumes:
    - {name: temporary, emptyDir: {sizeLimit: 1Gi}}
    - name: backup
      persistentVolumeClaim: {claimName: {{ .root.Values.backup.claim }}}
    {{- if .root.Values.storage.artifacts.enabled }}
    - name: artifacts
      persistentVolumeClaim: {claimName: {{ include "lse.claim" (dict "root" .root "of" "artifacts") }}}
    {{- end }}
{{- end -}}

{{/* Address of the database as libpq reads it, also where the whole of it is a secret. */}}
{{- define "lse.backupDatabase" -}}
database=${DATABASE_URL:-$DATABASE}; database=${database/+psycopg/};
{{- end -}}
