FROM python:3.11-slim
WORKDIR /opt/crawler
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY config config
COPY crawler crawler
COPY simulcrawl_pytest.py ./
RUN pip install --no-cache-dir --constraint constraints.txt .
WORKDIR /data
ENTRYPOINT ["crawler"]
CMD ["--help"]
