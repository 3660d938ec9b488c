FROM python:3.11-slim
WORKDIR /opt/crawler
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY config config
COPY crawler crawler
COPY simulcrawl_pytest.py ./
# Extras such as "dask,celery"; none by default.
ARG EXTRAS=
RUN pip install --no-cache-dir --constraint constraints.txt ".${EXTRAS:+[$EXTRAS]}"
WORKDIR /data
ENTRYPOINT ["crawler"]
CMD ["--help"]
