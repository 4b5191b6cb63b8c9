# One image for every process; compose.yaml says which command runs where.
FROM python:3.12-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 hairme

WORKDIR /app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HAIRME_ENV=production HAIRME_VAR=/var/lib/hairme HOST=0.0.0.0
COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir -r requirements.txt -c constraints.txt
COPY . .
RUN mkdir -p /var/lib/hairme && chown hairme /var/lib/hairme \
    && SECRET_KEY=build DATABASE_URL=postgres://x@x/x REDIS_URL=redis://x HAIRME_VAR=/app/build python manage.py collectstatic --noinput -v 0 --skip-checks \
    && mv build/static /app/staticfiles && rm -rf build
ENV HAIRME_STATIC_ROOT=/app/staticfiles

USER hairme
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=40s CMD curl -fs http://127.0.0.1:8000/livez || exit 1
CMD ["gunicorn", "hairme.wsgi:application", "-c", "gunicorn.conf.py"]
