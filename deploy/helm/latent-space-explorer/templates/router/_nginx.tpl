{{- define "lse.routerConfig" -}}
{{- $name := include "lse.name" . -}}
worker_processes 2;
pid /tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  server_tokens off;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  client_max_body_size {{ int .Values.router.uploadBytes }};
  # A call may take as long as its caller waits, and an upload as long as its network needs.
  client_body_timeout 3600s;
  grpc_read_timeout 3600s;
  grpc_send_timeout 3600s;
  grpc_connect_timeout 5s;
  grpc_socket_keepalive on;
  # A client keeps one connection for all its calls.
  keepalive_timeout 3600s;
  keepalive_requests 1000000;
  http2_max_concurrent_streams 512;

  {{- if .Values.router.callsPerSecond }}
  # Callers are told apart by what they prove who they are with: many may come from one address.
  map $http_authorization $caller { "" $binary_remote_addr; default $http_authorization; }
  limit_req_zone $caller zone=calls:16m rate={{ int .Values.router.callsPerSecond }}r/s;
  limit_req_status 429;
  limit_req_log_level info;
  {{- end }}

  server {
    listen 8080;
    location = /health { return 200 "ok\n"; }
    location / { return 404; }
  }

  server {
    {{- if .Values.router.tls.secretName }}
    listen 8443 ssl http2;
    ssl_certificate /etc/certificate/tls.crt;
    ssl_certificate_key /etc/certificate/tls.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:4m;
    {{- else }}
    listen 8443 http2;
    {{- end }}
    # What nginx says by itself becomes what gRPC calls UNAVAILABLE: clients send again what may be repeated.
    error_page 502 503 504 = @unavailable;
    location @unavailable {
      default_type application/grpc;
      add_header grpc-status 14;
      add_header grpc-message "The service does not answer at the moment: try again.";
      return 204;
    }
    {{- if .Values.router.callsPerSecond }}
    limit_req zone=calls burst={{ int .Values.router.callsBurst }} nodelay;
    error_page 429 = @too_many;
    location @too_many {
      default_type application/grpc;
      add_header grpc-status 8;
      add_header grpc-message "More calls than one caller may send: slow down, and try again.";
      return 204;
    }
    {{- end }}
    {{- range $group, $served := fromYaml (include "lse.services" .) }}
    {{- range $served }}
    location /latentspace.{{ . }}. { grpc_pass grpc://{{ $name }}-{{ $group }}:50051; }
    {{- end }}
    {{- end }}
    # Operations, health and reflection are in every service, and operations of all in the catalogue.
    location / { grpc_pass grpc://{{ $name }}-{{ include "lse.first" . }}:50051; }
  }

  # The same calls by HTTP with JSON.
  server {
    {{- if .Values.router.tls.secretName }}
    listen 8081 ssl;
    ssl_certificate /etc/certificate/tls.crt;
    ssl_certificate_key /etc/certificate/tls.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    {{- else }}
    listen 8081;
    {{- end }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_connect_timeout 5s;
    proxy_read_timeout 3600s;
    proxy_send_timeout 3600s;
    # A stream is passed on as it comes.
    proxy_buffering off;
    proxy_request_buffering off;
    default_type application/json;
    error_page 502 503 504 =503 @unavailable;
    location @unavailable {
      return 503 '{"code": "unavailable", "message": "The service does not answer at the moment: try again."}';
    }
    {{- if .Values.router.callsPerSecond }}
    limit_req zone=calls burst={{ int .Values.router.callsBurst }} nodelay;
    error_page 429 @too_many;
    location @too_many {
      return 429 '{"code": "resource_exhausted", "message": "More calls than one caller may send: slow down, and try again."}';
    }
    {{- end }}
    {{- range $group, $served := fromYaml (include "lse.services" .) }}
    {{- range $served }}
    location /latentspace.{{ . }}. { proxy_pass http://{{ $name }}-{{ $group }}:50080; }
    {{- end }}
    {{- end }}
    location / { proxy_pass http://{{ $name }}-{{ include "lse.first" . }}:50080; }
  }
}
{{- end -}}
